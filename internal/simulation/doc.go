// Package simulation holds the tests that run a cluster of three nodes in one process, in virtual
// time: two minutes of faults take a fraction of a second.
//
// The nodes are real ones, from the HTTP face down to Badger and bbolt in a directory of their own;
// simulated are the network between them, the power, the speed of their disks and their clocks. A
// seed decides what fails, when and for how long. How goroutines take turns is not decided by it: a
// seed that fails may pass when it is run again, and then some runs more show it.
//
// What does not fail is done once: simulations under random faults take up copies of one cluster that was
// formed and stopped. Their databases have smaller tables in memory than dashd's, which do not fill.
//
//	DASHD_SIM_SEED=n   run this seed only
//	DASHD_SIM_SEEDS=n  run so many seeds
//
// What is checked, by the names of the invariants: everything acknowledged is in the log, once, where
// it was said to be, with the content that was sent, and nothing else is (I1, I2); positions have no
// gaps, and the logs of all nodes are equal block for block (I3); so are their tables (I4); the
// history of commands and reads (strong and leader) is linearizable (I5); writes go on within five seconds after
// the last fault has ended, and all nodes are equal within sixty (I8); no read is older than its
// level allows (I9); and when a node is closed none of its goroutines is left (I11): else synctest
// would not let the test end.
//
// A node that loses its power goes on from a copy of its directory, made at an instant at which no
// goroutine runs: bbolt and Badger keep what they write in mapped files, so a process that is
// killed leaves just that.
package simulation
