package destination

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Request is a request to a destination.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
}

const (
	vendor            = "better-auth"
	defaultService    = "authentication"
	defaultSourcetype = "better-auth:events"
	defaultIndex      = "main"
)

// Body returns the body that brings events, in their order.
func (c *Config) Body(events []Event) []byte {
	var b bytes.Buffer
	switch {
	case c.Type == Datadog:
		list := make([]datadogLog, len(events))
		for i := range events {
			list[i] = c.datadogLog(&events[i])
		}
		appendJSON(&b, list)
	case c.Type == Splunk:
		for i := range events {
			appendJSON(&b, c.splunkEvent(&events[i]))
		}
	case c.Format == FormatNDJSON:
		for i := range events {
			appendJSON(&b, &events[i])
			b.WriteByte('\n')
		}
	default:
		appendJSON(&b, map[string][]Event{"events": events})
	}
	return b.Bytes()
}

// TestBody is Body for a test call, which brings one event that stands alone.
func (c *Config) TestBody(e Event) []byte {
	if c.Type != Webhook {
		return c.Body([]Event{e})
	}
	var b bytes.Buffer
	appendJSON(&b, &e)
	return b.Bytes()
}

func appendJSON(b *bytes.Buffer, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // metadata in the log is JSON, the rest are texts and numbers
	}
	b.Write(text)
}

// datadogLog is an entry of Datadog's logs: the event among the attributes that Datadog knows.
type datadogLog struct {
	Source   string `json:"ddsource"`
	Tags     string `json:"ddtags"`
	Hostname string `json:"hostname"`
	Service  string `json:"service"`
	Message  string `json:"message"`
	*Event
}

func (c *Config) datadogLog(e *Event) datadogLog {
	tags := []string{"organization:" + e.Context.OrganizationID, "event_type:" + e.EventType}
	return datadogLog{
		Source: or(c.Source, vendor), Tags: strings.Join(append(tags, c.Tags...), ","),
		Hostname: vendor, Service: or(c.Service, defaultService), Message: e.message, Event: e,
	}
}

// splunkEvent is an event of Splunk's collector.
type splunkEvent struct {
	Time       float64 `json:"time"` // seconds since 1970 UTC
	Host       string  `json:"host"`
	Source     string  `json:"source,omitempty"`
	Sourcetype string  `json:"sourcetype"`
	Index      string  `json:"index"`
	Event      *Event  `json:"event"`
}

func (c *Config) splunkEvent(e *Event) splunkEvent {
	return splunkEvent{
		Time: float64(e.time) / 1000, Host: vendor, Source: c.Source,
		Sourcetype: or(c.Sourcetype, defaultSourcetype), Index: or(c.Index, defaultIndex), Event: e,
	}
}

func or(text, absent string) string {
	if text == "" {
		return absent
	}
	return text
}

// Request returns the request that brings a body. id is the same each time that the body is sent; now
// is when this is.
func (c *Config) Request(id string, body []byte, now time.Time) Request {
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"dashd"}}
	switch c.Type {
	case Datadog:
		header.Set("DD-API-KEY", c.APIKey)
		return Request{http.MethodPost, "https://http-intake.logs." + c.Site + "/api/v2/logs", header, body}
	case Splunk:
		header.Set("Authorization", "Splunk "+c.HECToken)
		return Request{http.MethodPost, c.HECEndpoint, header, body}
	}
	if c.Format == FormatNDJSON {
		header.Set("Content-Type", "application/x-ndjson")
	}
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	c.sign(header, id, body, now)
	return Request{or(c.Method, defaultMethod), c.URL, header, body}
}

// sign adds the headers of Standard Webhooks: one signature for each secret.
func (c *Config) sign(header http.Header, id string, body []byte, now time.Time) {
	at := strconv.FormatInt(now.Unix(), 10)
	var signatures []string
	for _, secret := range []string{c.Secret, c.PreviousSecret} {
		if secret == "" {
			continue
		}
		mac := hmac.New(sha256.New, signingKey(secret))
		mac.Write([]byte(id + "." + at + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if len(signatures) == 0 {
		return
	}
	header.Set("webhook-id", id)
	header.Set("webhook-timestamp", at)
	header.Set("webhook-signature", strings.Join(signatures, " "))
}

// Label is how errors of a test call name the destination.
func (c *Config) Label() string {
	switch c.Type {
	case Datadog:
		return "Datadog API"
	case Splunk:
		return "Splunk HEC"
	}
	return "Webhook"
}
