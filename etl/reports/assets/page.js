// Sorts and filters the tables and shows a mark's numbers; the page reads well without it.
// Text of events is only ever read from the document and written back as text.
"use strict";

(() => {
  const SHOWN = 10;

  const fill = (text, places) =>
    text.replace(/\{(\w+)\}/g, (whole, name) => (name in places ? places[name] : whole));

  const compare = (a, b) => {
    if (a.dataset.v !== undefined && b.dataset.v !== undefined && a.dataset.n && b.dataset.n) {
      return Number(a.dataset.v) - Number(b.dataset.v);
    }
    const left = a.dataset.v ?? a.textContent;
    const right = b.dataset.v ?? b.textContent;
    return left.localeCompare(right, undefined, { numeric: true, sensitivity: "base" });
  };

  const prepare = (section) => {
    const table = section.querySelector("table");
    // One body per record: a record's second line, if it has one, goes where the first goes.
    const rows = [...table.tBodies];
    const heads = [...table.tHead.rows[0].cells];
    const input = section.querySelector("input");
    const count = section.querySelector("output");
    const more = section.querySelector(".more");
    let all = rows.length <= SHOWN + 2;

    const show = () => {
      const wanted = input ? input.value.trim().toLowerCase() : "";
      let matching = 0;
      for (const row of table.tBodies) {
        const matches = !wanted || row.textContent.toLowerCase().includes(wanted);
        matching += matches;
        row.hidden = !matches;
        row.classList.toggle("beyond", !all && !wanted && matching > SHOWN);
      }
      if (count) {
        const text = wanted ? count.dataset.matching : count.dataset.rows;
        count.textContent = fill(text, { count: matching, total: rows.length });
      }
      if (more) {
        more.hidden = rows.length <= SHOWN + 2 || Boolean(wanted);
        more.textContent = all ? more.dataset.fewer : more.dataset.all;
        more.setAttribute("aria-expanded", String(all));
      }
    };

    const sort = (index) => {
      const before = heads[index].getAttribute("aria-sort");
      const numeric = heads[index].classList.contains("number");
      const first = numeric ? "descending" : "ascending";
      const second = numeric ? "ascending" : "descending";
      const order = before === first ? second : first;
      const sign = order === "ascending" ? 1 : -1;
      const ranked = rows.map((row, place) => ({ row, place, cell: row.rows[0].cells[index] }));
      ranked.sort((a, b) => {
        const empty = a.cell.classList.contains("nothing") - b.cell.classList.contains("nothing");
        return empty || sign * compare(a.cell, b.cell) || a.place - b.place;
      });
      heads.forEach((head, at) => head.setAttribute("aria-sort", at === index ? order : "none"));
      table.append(...ranked.map(({ row }) => row));
      show();
    };

    heads.forEach((head, index) => {
      head.querySelector("button").addEventListener("click", () => sort(index));
    });
    input?.addEventListener("input", show);
    more?.addEventListener("click", () => {
      all = !all;
      show();
    });
    show();
  };

  const tips = () => {
    const tip = document.createElement("div");
    tip.id = "tip";
    tip.hidden = true;
    document.body.append(tip);
    document.addEventListener("pointermove", (event) => {
      const mark = event.target.closest?.("figure path[aria-label]");
      tip.hidden = !mark;
      if (!mark) return;
      tip.textContent = mark.getAttribute("aria-label");
      const right = event.clientX + 14 + tip.offsetWidth > window.innerWidth;
      tip.style.left = `${Math.max(8, event.clientX + (right ? -14 - tip.offsetWidth : 14))}px`;
      tip.style.top = `${Math.max(8, event.clientY - 14 - tip.offsetHeight)}px`;
    });
  };

  document.querySelectorAll("[data-table]").forEach(prepare);
  tips();
})();
