package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/julienschmidt/httprouter"
)

// basePath is what the reference mounts its endpoints under. The dashboard's paths,
// the seed's and the reference's, are answered with it and without it.
const basePath = "/api/auth"

// underBase answers <base>/dash/... and <base>/events/... as /dash/... and /events/....
func underBase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, basePath)
		if ok && (strings.HasPrefix(path, "/dash/") || strings.HasPrefix(path, "/events/")) {
			short := new(http.Request)
			*short = *r
			short.URL = new(url.URL)
			*short.URL = *r.URL
			short.URL.Path, short.URL.RawPath = path, strings.TrimPrefix(r.URL.RawPath, basePath)
			r = short
		}
		next.ServeHTTP(w, r)
	})
}

// parametric is the router of the reference's paths that have parameters: a tree of
// httprouter cannot hold /dash/organization/:id beside /dash/organization/members. A
// segment that is written out goes before a parameter.
type parametric struct {
	mux   *http.ServeMux
	paths map[string]methods // by pattern
}

// methods are the handlers of a path.
type methods map[string]httprouter.Handle

// add registers a handler. It panics if there is one already.
func (p *parametric) add(method, pattern string, handle httprouter.Handle) {
	if p.paths == nil {
		p.paths = map[string]methods{}
	}
	if p.paths[pattern] == nil {
		p.paths[pattern] = methods{}
	}
	if p.paths[pattern][method] != nil {
		panic(fmt.Errorf("%s %s is in the route table twice", method, pattern))
	}
	p.paths[pattern][method] = handle
}

// ready ends the registration. What no pattern matches goes to notFound.
func (p *parametric) ready(notFound, notAllowed http.Handler) http.Handler {
	p.mux = http.NewServeMux()
	for pattern, of := range p.paths {
		p.mux.Handle(pattern, of.handler(parametersOf(pattern), notAllowed))
	}
	p.mux.Handle("/", notFound)
	return p.mux
}

// handler answers requests for a path as httprouter does.
func (m methods) handler(names []string, notAllowed http.Handler) http.Handler {
	allow := strings.Join(slices.Sorted(maps.Keys(m)), ", ") + ", " + http.MethodOptions
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handle := m[r.Method]; handle != nil {
			params := make(httprouter.Params, len(names))
			for i, name := range names {
				params[i] = httprouter.Param{Key: name, Value: r.PathValue(name)}
			}
			handle(w, r, params)
			return
		}
		w.Header().Set("Allow", allow)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		notAllowed.ServeHTTP(w, r)
	})
}

// parametersOf returns the names of the {parameters} of a pattern.
func parametersOf(pattern string) (names []string) {
	for segment := range strings.SplitSeq(pattern, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

// place is a method and a path under which a row of the route table is answered.
type place struct{ method, pattern string }

// places are all places of a row: its own and its aliases.
func (rt *route) places() []place {
	all := []place{{rt.method, rt.pattern}}
	for _, alias := range rt.aliases {
		method, pattern, _ := strings.Cut(alias, " ")
		all = append(all, place{method, pattern})
	}
	return all
}

// hasParameters reports whether a pattern is one for parametric.
func (p place) hasParameters() bool { return strings.Contains(p.pattern, "{") }
