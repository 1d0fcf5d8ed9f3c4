// Package dashdtest runs dashd for tests as its users run it: the real binary, as
// a process of its own.
//
// What a program prints goes to the log of the test that started it if that test
// fails, and no program outlives its test.
//
// Start reading at [Node].
package dashdtest
