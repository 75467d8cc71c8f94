"""The kinds of targets: one module each turns a batch into requests, and answers into a receipt."""
