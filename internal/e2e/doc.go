// Package e2e tests dashd from outside, as its users meet it: the real binary,
// a real Better Auth application with the stock dash() plugin, and HTTP between
// them. It holds tests only.
//
// A recording proxy stands between the application and dashd. What passes
// through it is the truth that the tests compare with: each event the plugin
// sent must be readable exactly once and as it was sent, through dashd's own
// endpoints and through the application's.
//
// The tests need Node.js and the packages of examples/better-auth, which
// scripts/npm-ci installs. They build dashd themselves unless the environment
// variable DASHD_BIN holds the absolute path of one.
//
// TestFiguresOfAHistory needs neither: it compares the figures over time of half a year of made-up
// events with those that a slow twin computes from what dashd replay prints.
//
// Start reading at TestBetterAuthApplication.
package e2e
