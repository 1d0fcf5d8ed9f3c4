package cluster_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"dashd/internal/cluster"
)

func TestLoggerBridge(t *testing.T) {
	tests := []struct {
		name string
		log  func(hclog.Logger)
		want string // "" for nothing
	}{
		{"an error is a warning: logStore reports what stops the node", func(l hclog.Logger) { l.Error("failed", "error", "x") }, `level=WARN msg=failed component=raft error=x`},
		{"a warning is information", func(l hclog.Logger) { l.Warn("slow") }, `level=INFO msg=slow component=raft`},
		{"information is detail", func(l hclog.Logger) { l.Info("state", "term", 3) }, `level=DEBUG msg=state component=raft term=3`},
		{"detail is dropped", func(l hclog.Logger) { l.Debug("votes"); l.Trace("rpc") }, ""},
		{"formats are spelled out", func(l hclog.Logger) { l.Info("config", "servers", hclog.Fmt("%d of %s", 2, "three")) }, `level=DEBUG msg=config component=raft servers="2 of three"`},
		{"attributes stay", func(l hclog.Logger) { l.With("peer", "n2").Named("net").Warn("slow") }, `level=INFO msg=slow component=raft peer=n2`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.log(cluster.NewLogger(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
				Level: slog.LevelDebug,
				ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
					if a.Key == slog.TimeKey {
						return slog.Attr{}
					}
					return a
				},
			}))))
			if got := strings.TrimSpace(out.String()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
