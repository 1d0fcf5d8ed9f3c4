// Package faults tests what a node keeps when it, its disk or its clients fail:
// the real binary as a process, killed, cut off from power, out of disk space, on
// damaged and on foreign files, and under requests that nobody should send. It
// holds tests only.
//
// While a fault is prepared, clients write and remember what they sent and which
// position in the log was acknowledged for it (history). After the fault the node
// starts on what is left, and the whole log is compared with the memory:
//
//   - what was acknowledged, or read once, is there once, at the same position,
//     with the same content, and a repeat of it is answered as a duplicate;
//   - what was not acknowledged is there once or not at all;
//   - nothing else is there, and positions are dense from 1.
//
// A node may refuse to start on damaged files, with an exit code and a sentence.
// It may never serve something wrong, or leave something out, without an error.
//
// What is chosen is chosen by a seed, which every failure names: DASHD_FAULTS_SEED
// repeats the choices, though not the operating system's scheduling. Counts can be
// set: DASHD_FAULTS_KILLS, DASHD_FAULTS_POWER, DASHD_FAULTS_FLIPS and
// DASHD_FAULTS_REQUESTS. Results are printed as a table and written to
// results/faults.json. Tests that need a file system of their own mount one from a
// file, which takes Linux and root; elsewhere they are listed as not run.
//
// Start reading at TestKillUnderLoad.
package faults
