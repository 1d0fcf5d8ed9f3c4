// Package bench measures a running node over HTTP, as its users meet it.
//
// A scenario is a closed loop: a number of clients, each of which sends the next
// request when it has the answer to the one before. Requests are made before the
// clock starts, so that on a machine that also runs the node the generator costs
// little more than the sockets. Latencies are kept in HDR histograms.
//
// Index and projections follow the log while and after events are stored. A scenario begins when they
// have followed what was stored before it, and its result says how long they took behind it.
//
// Start reading at [Run].
package bench
