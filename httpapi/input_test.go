package httpapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dashd/httpapi"
)

type asked = httpapi.Asked

func TestWhereInputsComeFrom(t *testing.T) {
	for _, tt := range []struct {
		name      string
		asked     asked
		questions string
		want      []any
	}{
		{
			"a query",
			asked{Method: "GET", Target: "/?userId=u1&minimal=true&limit=2.5&tags=a,b"},
			"id userId, flag minimal, number limit, texts tags, flag other",
			[]any{"u1", true, 2.5, []string{"a", "b"}, nil},
		},
		{
			"a body",
			asked{Method: "POST", Target: "/", Body: `{"userId":"u1","name":"Ada","on":false,"n":3,"list":["a"]}`},
			"id userId, text name, flag on, number n, texts list",
			[]any{"u1", "Ada", false, 3.0, []string{"a"}},
		},
		{"an id beside the body", asked{Method: "POST", Target: "/?userId=u1", Body: `{"name":"Ada"}`}, "id userId, text name", []any{"u1", "Ada"}},
		{"an id in both", asked{Method: "POST", Target: "/?userId=u1", Body: `{"userId":"u1"}`}, "id userId", []any{"u1"}},
		{"a deletion by query", asked{Method: "DELETE", Target: "/?userId=u1"}, "id userId", []any{"u1"}},
		{"a deletion by body", asked{Method: "DELETE", Target: "/", Body: `{"userId":"u1"}`}, "id userId", []any{"u1"}},
		{"a deletion by both", asked{Method: "DELETE", Target: "/?name=q", Body: `{"userId":"u1"}`}, "id userId, text name", []any{"u1", "q"}},
		{"a synonym", asked{Method: "DELETE", Target: "/?id=u1"}, "idOf userId", []any{"u1"}},
		{"both names", asked{Method: "POST", Target: "/?id=u1", Body: `{"userId":"u1"}`}, "idOf userId", []any{"u1"}},
		{"the path", asked{Method: "GET", Target: "/", Path: map[string]string{"organizationId": "o1"}}, "id organizationId", []any{"o1"}},
		{
			"the claims",
			asked{Method: "POST", Target: "/", Claims: `{"userId":"u1","skip":true}`, Mutates: true, BodyOptional: true},
			"id userId, flag skip",
			[]any{"u1", true},
		},
		{"claims and no body", asked{Method: "POST", Target: "/", Claims: `{"userId":"u1"}`, Mutates: true}, "id userId", []any{"u1"}},
		{
			"claims and path",
			asked{Method: "POST", Target: "/", Claims: `{"organizationId":"o1"}`, Mutates: true, Path: map[string]string{"organizationId": "o1"}},
			"id organizationId",
			[]any{"o1"},
		},
		{
			"what the claims do not name, after what they do",
			asked{Method: "POST", Target: "/", Claims: `{"organizationId":"o1"}`, Mutates: true, Body: `{"userId":"u1"}`},
			"id organizationId, id userId",
			[]any{"o1", "u1"},
		},
		{"a list of ids", asked{Method: "POST", Target: "/", Claims: `{"userIds":["a","b"]}`, Mutates: true, BodyOptional: true}, "ids userIds", []any{[]string{"a", "b"}}},
		{"a list of ids in the query", asked{Method: "DELETE", Target: "/?userIds=a,b"}, "ids userIds", []any{[]string{"a", "b"}}},
		{
			"nothing that is optional",
			asked{Method: "POST", Target: "/", Body: `{}`},
			"optionalID userId, optionalText a, nullableText b, flag c, number d, texts e, object f, raw g, given h",
			[]any{"", nil, nil, nil, nil, []string(nil), nil, "", false},
		},
		{"nulls", asked{Method: "POST", Target: "/", Body: `{"b":null,"d":null,"h":null}`}, "nullableText b, number d, given h", []any{"", nil, true}},
		{"no body where there need not be one", asked{Method: "POST", Target: "/", BodyOptional: true}, "optionalText a, flag b", []any{nil, nil}},
		{"an object", asked{Method: "PATCH", Target: "/", Body: `{"config":{"url":"https://a.example","id":"x"}}`}, "object config url url, object config text id", []any{"https://a.example", "x"}},
		{
			"an object of which claims say nothing",
			asked{Method: "PATCH", Target: "/", Claims: `{"url":"https://claims.example"}`, Body: `{"config":{}}`},
			"object config optionalText url",
			[]any{nil},
		},
		{"unknown keys", asked{Method: "POST", Target: "/?x=1", Body: `{"a":"b","surprise":{"x":[1,2]}}`}, "text a", []any{"b"}},
		{"a key in other letters is another", asked{Method: "POST", Target: "/", Body: `{"NAME":"x","name":"Ada"}`}, "text name", []any{"Ada"}},
		{"characters outside of the first plane count twice", asked{Method: "POST", Target: "/", Body: `{"a":"😀😀"}`}, "short a", []any{"😀😀"}},
	} {
		got, message := httpapi.Ask(tt.asked, strings.Split(tt.questions, ", ")...)
		if message != "" || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %#v, %q; want %#v", tt.name, got, message, tt.want)
		}
	}
}

// The messages are those of section 2.6 of the contract. Only the first violation is told.
func TestViolations(t *testing.T) {
	body := func(text string) asked { return asked{Method: "POST", Target: "/", Body: text} }
	query := func(text string) asked { return asked{Method: "GET", Target: "/?" + text} }
	const wrongKey = "Invalid API key"
	long := strings.Repeat("a", 256)
	for _, tt := range []struct {
		name      string
		asked     asked
		questions string
		want      string
	}{
		{"no body", body(""), "text name", "[body] Invalid input: expected object, received undefined"},
		{"no body for what is optional", body(""), "optionalText name", "[body] Invalid input: expected object, received undefined"},
		{"no body, and no id anywhere", body(" \n"), "id userId", "[body] Invalid input: expected object, received undefined"},
		{"a body that is a list", body("[]"), "text name", "[body] Invalid input: expected object, received array"},
		{"a body that is null", body("null"), "text name", "[body] Invalid input: expected object, received null"},
		{"a body that is a text", body(`"x"`), "text name", "[body] Invalid input: expected object, received string"},
		{"a body that is no JSON", body(`{"name":`), "text name", "Invalid JSON in request body"},
		{"two bodies", body(`{}{}`), "text name", "Invalid JSON in request body"},
		{"a missing text", body(`{}`), "text name", "[body.name] Invalid input: expected string, received undefined"},
		{"a missing parameter", query(""), "text name", "[query.name] Invalid input: expected string, received undefined"},
		{"a missing id", query(""), "id userId", "[query.userId] Invalid input: expected string, received undefined"},
		{"an empty id", query("userId="), "id userId", "[query.userId] Invalid input: expected string, received undefined"},
		{"an empty id in the body", body(`{"userId":""}`), "id userId", "[body.userId] Too small: expected string to have >=1 characters"},
		{"a long id", query("userId=" + long), "id userId", "[query.userId] Too big: expected string to have <=255 characters"},
		{"an id that is a number", body(`{"userId":5}`), "id userId", "[body.userId] Invalid input: expected string, received number"},
		{"an optional id that is null", body(`{"userId":null}`), "optionalID userId", "[body.userId] Invalid input: expected string, received null"},
		{"a text that is null", body(`{"a":null}`), "optionalText a", "[body.a] Invalid input: expected string, received null"},
		{"a text that is a number", body(`{"a":1}`), "nullableText a", "[body.a] Invalid input: expected string, received number"},
		{"a text that is an object", body(`{"a":{}}`), "text a", "[body.a] Invalid input: expected string, received object"},
		{"a text that is a list", body(`{"a":[]}`), "text a", "[body.a] Invalid input: expected string, received array"},
		{"a text that is a flag", body(`{"a":true}`), "text a", "[body.a] Invalid input: expected string, received boolean"},
		{"a flag that is a text", body(`{"a":"true"}`), "flag a", "[body.a] Invalid input: expected boolean, received string"},
		{"a flag that is null", body(`{"a":null}`), "flag a", "[body.a] Invalid input: expected boolean, received null"},
		{"a flag that is neither", query("a=yes"), "flag a", "[query.a] Invalid input: expected boolean, received string"},
		{"a number that is a text", body(`{"a":"1"}`), "number a", "[body.a] Invalid input: expected number, received string"},
		{"a number that is none", query("a=one"), "number a", "[query.a] Invalid input: expected number, received NaN"},
		{"a number without end", body(`{"a":1e999}`), "number a", "[body.a] Invalid input: expected number, received NaN"},
		{"a list that is a text", body(`{"a":"x"}`), "texts a", "[body.a] Invalid input: expected array, received string"},
		{"a list with a number", body(`{"a":["x",5]}`), "texts a", "[body.a.1] Invalid input: expected string, received number"},
		{"a list with an empty text", body(`{"a":["x",""]}`), "texts a", "[body.a.1] Too small: expected string to have >=1 characters"},
		{"ids that are missing", body(`{}`), "ids userIds", "[body.userIds] Invalid input: expected array, received undefined"},
		{"ids that are a text", body(`{"userIds":"a"}`), "ids userIds", "[body.userIds] Invalid input: expected array, received string"},
		{"too many ids", body(`{"userIds":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`), "ids userIds", "[body.userIds] Too big: expected array to have <=1000 items"},
		{"a short text", body(`{"a":"x"}`), "short a", "[body.a] Too small: expected string to have >=2 characters"},
		{"a long text", body(`{"a":"xxxxx"}`), "short a", "[body.a] Too big: expected string to have <=4 characters"},
		{"a text beyond all limits", body(`{"a":"` + strings.Repeat("x", 32<<10+1) + `"}`), "text a", "[body.a] Too big: expected string to have <=32768 characters"},
		{"another option", query("sortOrder=up"), "order sortOrder", `[query.sortOrder] Invalid option: expected one of "asc"|"desc"`},
		{"an object that is a text", body(`{"config":"x"}`), "object config text a", "[body.config] Invalid input: expected object, received string"},
		{"within an object", body(`{"config":{"a":1}}`), "object config text a", "[body.config.a] Invalid input: expected string, received number"},
		{"within an object of an object", body(`{"a":{"b":{}}}`), "object a object b text c", "[body.a.b.c] Invalid input: expected string, received undefined"},
		{"the first of two", body(`{"b":1}`), "text a, text b", "[body.a] Invalid input: expected string, received undefined"},
		{"two organizations", asked{Method: "POST", Target: "/?organizationId=o2", Body: `{"organizationId":"o1"}`}, "id organizationId", "Organization ID mismatch"},
		{"path and query", asked{Method: "GET", Target: "/?organizationId=o2", Path: map[string]string{"organizationId": "o1"}}, "id organizationId", "Organization ID mismatch"},
		{"claims and body", asked{Method: "POST", Target: "/", Claims: `{"invitationId":"i1"}`, Mutates: true, Body: `{"invitationId":"i2"}`}, "id invitationId", "Invitation ID mismatch"},
		{"name and synonym", query("logDrainId=a&id=b"), "idOf logDrainId", "Log drain ID mismatch"},
		{"two lists of ids", asked{Method: "POST", Target: "/", Claims: `{"userIds":["a"]}`, Mutates: true, Body: `{"userIds":["a","b"]}`}, "ids userIds", "User IDs mismatch"},
		{"a token that names nothing", asked{Method: "POST", Target: "/", Claims: `{}`, Mutates: true, Body: `{"userId":"u1"}`}, "id userId", wrongKey},
		{"a token that names something else", asked{Method: "POST", Target: "/", Claims: `{"organizationId":"o1"}`, Mutates: true, Body: `{"userId":"u1"}`}, "id userId", wrongKey},
		{"a token that names no list", asked{Method: "POST", Target: "/", Claims: `{}`, Mutates: true, Body: `{"userIds":["u1"]}`}, "ids userIds", wrongKey},
		{"a claim that is a number", asked{Method: "POST", Target: "/", Claims: `{"userId":5}`, Mutates: true}, "id userId", wrongKey},
		{"a claim that is empty", asked{Method: "GET", Target: "/", Claims: `{"userId":""}`}, "id userId", wrongKey},
		{"claims that are no list", asked{Method: "POST", Target: "/", Claims: `{"userIds":"u1"}`, Mutates: true}, "ids userIds", wrongKey},
		{"a token that names nothing, nor does the request", asked{Method: "GET", Target: "/", Claims: `{}`}, "id userId", wrongKey},
	} {
		if got, message := httpapi.Ask(tt.asked, strings.Split(tt.questions, ", ")...); message != tt.want {
			t.Errorf("%s: %v, %q\nwant %q", tt.name, got, message, tt.want)
		}
	}
}

func TestForms(t *testing.T) {
	for question, texts := range map[string]struct{ good, bad []string }{
		"email": {
			[]string{"a@b.co", "first.last+tag@sub.example.com", "o'neil@example.org", "_@x-y.io", "A@B.CO"},
			[]string{"", "a", "a@b", "@b.co", "a@b.c", ".a@b.co", "a.@b.co", "a..b@c.co", "a b@c.co", "a@b.co\n", "a@-b.co", "ä@b.co", "a@b.co,c@d.co", strings.Repeat("a", 250) + "@b.co"},
		},
		"slug": {[]string{"a", "acme-2", "-"}, []string{"", "Acme", "a b", "a/b", "ä", "a\n", strings.Repeat("a", 256)}},
		"role": {[]string{"owner", "Billing_admin-2", strings.Repeat("a", 64)}, []string{"", "2nd", "a b", "-a", "a,b", strings.Repeat("a", 65), "owner\n"}},
		"url": {
			[]string{"https://a.example", "http://localhost:3000/x?y=z", "https://[::1]/"},
			[]string{"", "a", "//a.example", "ftp://a.example", "javascript:alert(1)", "https://", "https://u:p@a.example", "https://u@a.example", "https://a.example/\n", "https://" + strings.Repeat("a", 2048)},
		},
	} {
		for i, text := range append(texts.good, texts.bad...) {
			_, message := httpapi.Ask(asked{Method: "POST", Target: "/", Body: fmt.Sprintf(`{"x":%s}`, jsonOf(text))}, question+" x")
			if good := i < len(texts.good); (message == "") != good {
				t.Errorf("%s %q: %q", question, text, message)
			}
		}
	}
}

// Whatever a body is, reading it ends in an answer or in one violation.
func FuzzInput(f *testing.F) {
	f.Add(`{"userId":"u1","config":{"a":"b"},"list":["x"],"n":1}`)
	f.Add(`{"userId":null,"config":[],"list":{}}`)
	f.Fuzz(func(t *testing.T, body string) {
		answers, message := httpapi.Ask(asked{Method: "POST", Target: "/", Body: body},
			"optionalID userId", "object config text a", "texts list", "number n", "nullableText x", "flag y", "raw z")
		if (message == "") != (len(answers) == 7) {
			t.Errorf("%q: %v and %q", body, answers, message)
		}
	})
}
