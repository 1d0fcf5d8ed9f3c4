// Package httpapi is dashd's HTTP face: routes, authentication, JSON, errors.
//
// All routes stand in one table (routes.go) with their method, pattern, scope
// and handler; a route without a scope does not build. A handler reads the
// request, calls one thing below it and writes the answer; it returns an error
// instead of writing one, and errors.go turns every error into a status and a
// body in one place.
//
// Bodies of producers are parsed as streams in bounded memory, and answered with
// a 2xx only once every event of the answer is durable. What a client sends is
// never trusted to be well-formed, small, or quick.
//
// Start reading at [Server.Handler].
package httpapi
