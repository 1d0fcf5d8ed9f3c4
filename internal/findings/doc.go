// Package findings holds what the tests that break nodes judge by, whether they break real processes
// (internal/faults) or simulated machines (internal/simulation): the model of registers, by which a
// history of commands and strong reads is linearizable or not, and what they leave on record.
//
// Start reading at [Registers] and [Found].
package findings
