// Package compare measures dashd and its peers back to back, several times, and tells how they compare.
//
// What is compared is in two tables: [Heats] lists what runs right after each other, on the same machine and disk, and [Rows] which two
// figures of a heat make a ratio. A ratio is taken within a round, and the median of the rounds counts.
//
// Start reading at [Run].
package compare
