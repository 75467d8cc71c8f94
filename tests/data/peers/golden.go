// Renders the templates of cases.json over events.json as kube-eventer and kubernetes-event-exporter would:
// with Go's own text/template, encoding/json and sprig. See SOURCE.txt.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/Masterminds/sprig"
)

// Time has what metav1.Time has: null for zero, seconds in UTC as JSON, local once read.
type Time struct{ time.Time }

func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil || *s == "" {
		t.Time = time.Time{}
		return err
	}
	parsed, err := time.Parse(time.RFC3339, *s)
	t.Time = parsed.Local()
	return err
}

func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(time.RFC3339))
}

// MicroTime is the same with six digits.
type MicroTime struct{ time.Time }

func (t *MicroTime) UnmarshalJSON(b []byte) error { return (*Time)(t).UnmarshalJSON(b) }

func (t MicroTime) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
}

type TypeMeta struct {
	Kind       string `json:"kind,omitempty"`
	APIVersion string `json:"apiVersion,omitempty"`
}

type ObjectMeta struct {
	Name              string            `json:"name,omitempty"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	CreationTimestamp Time              `json:"creationTimestamp,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
}

type ObjectReference struct {
	Kind            string `json:"kind,omitempty"`
	Namespace       string `json:"namespace,omitempty"`
	Name            string `json:"name,omitempty"`
	UID             string `json:"uid,omitempty"`
	APIVersion      string `json:"apiVersion,omitempty"`
	ResourceVersion string `json:"resourceVersion,omitempty"`
	FieldPath       string `json:"fieldPath,omitempty"`
}

type EventSource struct {
	Component string `json:"component,omitempty"`
	Host      string `json:"host,omitempty"`
}

type EventSeries struct {
	Count            int32     `json:"count,omitempty"`
	LastObservedTime MicroTime `json:"lastObservedTime,omitempty"`
}

type Event struct {
	TypeMeta            `json:",inline"`
	ObjectMeta          `json:"metadata"`
	InvolvedObject      ObjectReference  `json:"involvedObject"`
	Reason              string           `json:"reason,omitempty"`
	Message             string           `json:"message,omitempty"`
	Source              EventSource      `json:"source,omitempty"`
	FirstTimestamp      Time             `json:"firstTimestamp,omitempty"`
	LastTimestamp       Time             `json:"lastTimestamp,omitempty"`
	Count               int32            `json:"count,omitempty"`
	Type                string           `json:"type,omitempty"`
	EventTime           MicroTime        `json:"eventTime,omitempty"`
	Series              *EventSeries     `json:"series,omitempty"`
	Action              string           `json:"action,omitempty"`
	Related             *ObjectReference `json:"related,omitempty"`
	ReportingController string           `json:"reportingComponent"`
	ReportingInstance   string           `json:"reportingInstance"`
}

type EnhancedObjectReference struct {
	ObjectReference `json:",inline"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
}

type EnhancedEvent struct {
	Event          `json:",inline"`
	ClusterName    string                  `json:"clusterName"`
	InvolvedObject EnhancedObjectReference `json:"involvedObject"`
}

func (e *EnhancedEvent) first() time.Time {
	if e.FirstTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.FirstTimestamp.Time
}

func (e *EnhancedEvent) GetTimestampMs() int64 { return e.first().UnixNano() / int64(time.Millisecond) }

func (e *EnhancedEvent) GetTimestampISO8601() string {
	return e.first().Format("2006-01-02T15:04:05.000Z")
}

func render(text string, functions bool, data interface{}) interface{} {
	made := template.New("t")
	if functions {
		made = made.Funcs(sprig.TxtFuncMap())
	}
	parsed, err := made.Parse(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return nil
	}
	return out.String()
}

// last is what kube-eventer takes for the time of an event that has one.
func last(e Event) time.Time {
	if e.LastTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.LastTimestamp.Time
}

func tags(e Event, found map[string]string) map[string]string {
	found["eventID"] = e.UID
	if e.InvolvedObject.Kind == "Pod" {
		found["pod_id"] = e.InvolvedObject.UID
		found["pod_name"] = e.InvolvedObject.Name
	}
	found["hostname"] = e.Source.Host
	return found
}

func lines(labels []string, e Event, when string) string {
	text := fmt.Sprintf("Level:%s \nKind:%s \nNamespace:%s \nName:%s \nReason:%s \nTimestamp:%s \nMessage:%s",
		e.Type, e.InvolvedObject.Kind, e.Namespace, e.ObjectMeta.Name, e.Reason, when, e.Message)
	for _, label := range labels {
		text = label + "\n" + text
	}
	return text
}

func markdown(e Event) string {
	const console = "https://cs.console.aliyun.com/#/k8s"
	short := strings.Split(e.ObjectMeta.Name, ".")[0]
	long := "cn-shenzhen/c1/" + e.Namespace + "/" + short
	pages := map[string]string{
		"Deployment": "/deployment/detail/" + long + "/pods", "StatefulSet": "/statefulset/detail/" + long + "/pods",
		"DaemonSet": "/daemonset/detail/" + long + "/pods", "CronJob": "/cronjob/detail/" + long + "/jobs",
		"Service": "/service/detail/" + long, "Pod": "/pod/c1/" + e.Namespace + "/" + short + "/container",
	}
	name := e.ObjectMeta.Name
	if page, ok := pages[e.InvolvedObject.Kind]; ok {
		name = "[" + name + "](" + console + page + ")"
	}
	node := ""
	if parts := strings.Split(e.Source.Host, "."); len(parts) > 1 {
		node = fmt.Sprintf("Node: [%s](https://ecs.console.aliyun.com/#/server/%s/detail?regionId=%s) \n\n", e.Source.Host, parts[1], parts[0])
	} else if e.Source.Host != "" {
		node = "Node: **" + e.Source.Host + "** \n\n"
	}
	return "label[0]: **prod**\n\n" + node + fmt.Sprintf(
		"Level: **%s** \n\nKind: **%s** \n\nNamespace: [%s](%s/namespace) \n\nName: %s \n\nReason: **%s** \n\nTimestamp: **%s** \n\nMessage: **%s**",
		e.Type, e.InvolvedObject.Kind, e.Namespace, console, name, e.Reason, e.LastTimestamp.String(), e.Message)
}

func sinks(e Event) map[string]interface{} {
	indented, _ := json.MarshalIndent(e, "", " ")
	first, latest := e.FirstTimestamp.UTC(), e.LastTimestamp.UTC()
	if first.IsZero() {
		first = e.CreationTimestamp.UTC()
	}
	if latest.IsZero() {
		latest = e.CreationTimestamp.UTC()
	}
	none := map[string]string{"title": "", "text": ""}
	return map[string]interface{}{
		"dingtalk":          map[string]interface{}{"msgtype": "text", "markdown": none, "text": map[string]string{"content": lines([]string{"prod-cluster"}, e, last(e).Format("2006-01-02 15:04:05"))}},
		"dingtalk-markdown": map[string]interface{}{"msgtype": "markdown", "text": map[string]string{"content": ""}, "markdown": map[string]string{"title": "Kubernetes(ID:c1) Event", "text": markdown(e)}},
		"wechat":            lines([]string{"prod"}, e, last(e).String()),
		"kafka":             map[string]interface{}{"EventValue": string(indented), "EventTimestamp": last(e).UTC(), "EventTags": tags(e, map[string]string{})},
		"elasticsearch": map[string]interface{}{
			"Count": e.Count, "Metadata": e.ObjectMeta, "InvolvedObject": e.InvolvedObject, "Source": e.Source,
			"FirstOccurrenceTimestamp": first, "LastOccurrenceTimestamp": latest, "Message": e.Message, "Reason": e.Reason, "Type": e.Type,
			"EventTags": tags(e, map[string]string{"cluster_name": "prod"}),
		},
	}
}

func main() {
	var events struct{ Items []json.RawMessage }
	var cases struct{ Exporter, Eventer []string }
	for name, into := range map[string]interface{}{"events.json": &events, "cases.json": &cases} {
		text, err := os.ReadFile(name)
		if err != nil {
			panic(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			panic(err)
		}
	}
	exporter, eventer := map[string][]interface{}{}, map[string][]interface{}{}
	var documents []interface{}
	var sent []map[string]interface{}
	for _, raw := range events.Items {
		var event Event
		var enhanced EnhancedEvent
		for _, into := range []interface{}{&event, &enhanced.Event, &enhanced} {
			if err := json.Unmarshal(raw, into); err != nil {
				panic(err)
			}
		}
		// What a typed client gets.
		event.TypeMeta, enhanced.TypeMeta = TypeMeta{}, TypeMeta{}
		event.InvolvedObject = enhanced.InvolvedObject.ObjectReference
		enhanced.ClusterName = "prod"
		for _, text := range cases.Exporter {
			exporter[text] = append(exporter[text], render(text, true, &enhanced))
		}
		documents = append(documents, &enhanced)
		sent = append(sent, sinks(event))
		stripped := event
		stripped.Message = strings.Replace(event.Message, `"`, ``, -1)
		for _, text := range cases.Eventer {
			eventer[text] = append(eventer[text], render(text, false, &stripped))
		}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(map[string]interface{}{"exporter": exporter, "eventer": eventer, "documents": documents, "sinks": sent}); err != nil {
		panic(err)
	}
}
