package destination

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// The types of destinations. They are on disk.
const (
	Webhook = "webhook"
	Datadog = "datadog"
	Splunk  = "splunk"
)

// Types are the types of destinations, in the order in which messages list them.
var Types = []string{Datadog, Splunk, Webhook}

// The formats of a webhook's body.
const (
	FormatJSON   = "json"   // {"events":[…]}
	FormatNDJSON = "ndjson" // one event on each line
)

// Config says where to send events and how. Which fields mean something depends on Type. Its
// JSON text is on disk, sealed: never rename a field.
type Config struct {
	Type string `json:"-"`

	// Of a webhook.
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Method  string            `json:"method,omitempty"` // POST or PUT
	Format  string            `json:"format,omitempty"` // empty: json
	// Secret signs what is sent, by the rules of Standard Webhooks; "" signs nothing. While
	// receivers change to a new secret, PreviousSecret signs too.
	Secret         string `json:"secret,omitempty"`
	PreviousSecret string `json:"previousSecret,omitempty"`

	// Of Datadog.
	APIKey  string   `json:"apiKey,omitempty"`
	Site    string   `json:"site,omitempty"`
	Service string   `json:"service,omitempty"`
	Tags    []string `json:"tags,omitempty"`

	// Of Splunk's HTTP event collector.
	HECEndpoint string `json:"hecEndpoint,omitempty"`
	HECToken    string `json:"hecToken,omitempty"`
	Index       string `json:"index,omitempty"`
	Sourcetype  string `json:"sourcetype,omitempty"`

	Source string `json:"source,omitempty"` // of Datadog and Splunk
}

// Encode returns the text that is sealed.
func (c *Config) Encode() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts, and maps and lists of texts
	}
	return text
}

// Decode is the inverse of Encode.
func Decode(destinationType string, text []byte) (Config, error) {
	c := Config{Type: destinationType}
	err := json.Unmarshal(text, &c)
	return c, err
}

// Bounds of what can be configured.
const (
	maxText       = 2 << 10
	minSecret     = 16
	maxHeaders    = 32
	maxTags       = 64
	defaultSite   = "datadoghq.com"
	defaultMethod = "POST"
	keyPrefix     = "whsec_"
	resendReason  = "The destination has changed: send the secret itself, not its mask"
	maskReason    = "This mask is not that of the stored secret: send the secret itself"
)

// Violation is the first thing that is wrong with a config.
type Violation struct {
	Path   string // in the config: "url", "headers.X-Key", "tags.0"; "" for the whole
	Reason string
}

// Parse reads the config of a destination. Masked secrets in it stand for those of stored,
// which may be nil. ok is false if something is wrong with it.
func Parse(destinationType string, text json.RawMessage, stored *Config) (c Config, wrong Violation, ok bool) {
	if stored == nil || stored.Type != destinationType {
		stored = &Config{}
	}
	f := newFields(text)
	c.Type = destinationType
	switch destinationType {
	case Webhook:
		c.webhook(f, stored)
	case Datadog:
		c.datadog(f, stored)
	case Splunk:
		c.splunk(f, stored)
	}
	if f.wrong == nil {
		return c, Violation{}, true
	}
	return Config{}, *f.wrong, false
}

func (c *Config) webhook(f *fields, stored *Config) {
	c.URL = f.url("url", "Invalid webhook URL")
	moved := origin(c.URL) != origin(stored.URL)
	c.Headers = f.headers(stored.Headers, moved)
	c.Method = f.choice("method", defaultMethod, "POST", "PUT")
	c.Format = f.choice("format", "", FormatJSON, FormatNDJSON)
	// Secrets that sign are not sent: where the destination is does not matter.
	c.Secret = f.signing("secret", stored.Secret)
	c.PreviousSecret = f.signing("previousSecret", stored.PreviousSecret, stored.Secret)
}

var siteName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$`)

func (c *Config) datadog(f *fields, stored *Config) {
	c.Site = defaultSite
	if site, given := f.text("site"); given {
		// It becomes part of a host name, so it must be one.
		if !siteName.MatchString(site) || len(site) > 200 {
			f.refuse("site", "Invalid Datadog site")
		}
		c.Site = site
	}
	c.APIKey = f.credential("apiKey", "API key is required", stored.APIKey, c.Site != stored.Site)
	c.Service, _ = f.text("service")
	c.Source, _ = f.text("source")
	c.Tags = f.tags()
}

func (c *Config) splunk(f *fields, stored *Config) {
	c.HECEndpoint = f.url("hecEndpoint", "Invalid HEC endpoint URL")
	moved := origin(c.HECEndpoint) != origin(stored.HECEndpoint)
	c.HECToken = f.credential("hecToken", "HEC token is required", stored.HECToken, moved)
	c.Index, _ = f.text("index")
	c.Source, _ = f.text("source")
	c.Sourcetype, _ = f.text("sourcetype")
}

// origin is the part of a URL that says who gets what is sent there.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

// fields are the members of a config as it came. The first violation is kept.
type fields struct {
	members map[string]json.RawMessage
	wrong   *Violation
}

func newFields(text json.RawMessage) *fields {
	f := &fields{}
	if kind := kindOf(text); kind != "object" {
		f.refuse("", "Invalid input: expected object, received "+kind)
		return f
	}
	if err := json.Unmarshal(text, &f.members); err != nil {
		f.refuse("", "Invalid input: expected object, received malformed JSON")
	}
	return f
}

func (f *fields) refuse(path, reason string) {
	if f.wrong == nil {
		f.wrong = &Violation{path, reason}
	}
}

// kindOf is the name of the type of a JSON value, as violations write it.
func kindOf(text json.RawMessage) string {
	if len(text) == 0 {
		return "undefined"
	}
	switch text[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// read reads a text.
func (f *fields) read(path string, value json.RawMessage) string {
	if kind := kindOf(value); kind != "string" {
		f.refuse(path, "Invalid input: expected string, received "+kind)
		return ""
	}
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		f.refuse(path, "Invalid input: expected string, received malformed JSON")
	}
	if len(text) > maxText {
		f.refuse(path, "Too big: expected string to have <="+strconv.Itoa(maxText)+" characters")
	}
	return text
}

// text returns a text that may be absent.
func (f *fields) text(name string) (text string, given bool) {
	value, given := f.members[name]
	if !given {
		return "", false
	}
	text = f.read(name, value)
	if hasControl(text) {
		f.refuse(name, "Control characters are not allowed")
	}
	return text, true
}

// url returns a required URL that could be called.
func (f *fields) url(name, reason string) string {
	text := f.read(name, f.members[name])
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || hasControl(text) {
		f.refuse(name, reason)
	}
	return text
}

// choice returns one of a few texts.
func (f *fields) choice(name, absent string, values ...string) string {
	text, given := f.text(name)
	if !given {
		return absent
	}
	for _, v := range values {
		if text == v {
			return text
		}
	}
	f.refuse(name, `Invalid option: expected one of "`+strings.Join(values, `"|"`)+`"`)
	return ""
}

func (f *fields) tags() []string {
	value, given := f.members["tags"]
	if !given {
		return nil
	}
	var list []json.RawMessage
	if kind := kindOf(value); kind != "array" {
		f.refuse("tags", "Invalid input: expected array, received "+kind)
		return nil
	}
	if err := json.Unmarshal(value, &list); err != nil || len(list) > maxTags {
		f.refuse("tags", "Too big: expected array to have <="+strconv.Itoa(maxTags)+" items")
		return nil
	}
	if len(list) == 0 {
		return nil
	}
	tags := make([]string, len(list))
	for i, v := range list {
		path := "tags." + strconv.Itoa(i)
		tags[i] = f.read(path, v)
		if hasControl(tags[i]) || strings.Contains(tags[i], ",") {
			f.refuse(path, "A tag has no commas and no control characters")
		}
	}
	return tags
}

// hasControl reports whether s holds a character that ends a line, or worse.
func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
