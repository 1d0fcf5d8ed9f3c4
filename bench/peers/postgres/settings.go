package postgres

import (
	"fmt"
	"strings"
)

// setting is a line of postgresql.conf.
type setting struct{ name, value string }

// common are the settings of every server; see the package's comment.
var common = []setting{
	// What is acknowledged is on the disk. These are the defaults; they are here to be seen.
	{"fsync", "on"},
	{"synchronous_commit", "on"},
	{"full_page_writes", "on"},
	// Checkpoints are far apart and a full-page image is small; segments of the log are not made anew.
	{"wal_compression", "lz4"},
	{"wal_buffers", "64MB"},
	{"min_wal_size", "2GB"},
	{"max_wal_size", "8GB"},
	{"checkpoint_timeout", "15min"},
	{"checkpoint_completion_target", "0.9"},
	// For a machine of some 20 GB with a solid-state disk.
	{"shared_buffers", "2GB"},
	{"effective_cache_size", "12GB"},
	{"maintenance_work_mem", "512MB"},
	{"random_page_cost", "1.1"},
	{"effective_io_concurrency", "200"},
	{"default_toast_compression", "lz4"},
	{"jit", "off"}, // compiling costs more than these queries
	{"listen_addresses", "127.0.0.1"},
	{"unix_socket_directories", ""},
}

// alone are those of a server without standbys: the log holds what a crash needs and no more.
var alone = []setting{{"wal_level", "minimal"}, {"max_wal_senders", "0"}}

// replicated are those of the servers of a quorum.
var replicated = []setting{{"wal_level", "replica"}, {"max_wal_senders", "10"}, {"hot_standby", "on"}}

// conf is the text of postgresql.conf.
func conf(lists ...[]setting) string {
	var b strings.Builder
	for _, list := range lists {
		for _, s := range list {
			fmt.Fprintf(&b, "%s = '%s'\n", s.name, strings.ReplaceAll(s.value, "'", "''"))
		}
	}
	return b.String()
}
