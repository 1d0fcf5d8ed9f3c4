package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"dashd/internal/errs"
	"dashd/internal/outbound"
	"dashd/internal/tokens"
)

// tokenSources are the key sets of token-keys and user-token-keys.
func (c *Config) tokenSources() ([]tokens.Source, error) {
	operators, err := tokens.ParseSources(c.TokenKeys, false)
	if err != nil {
		return nil, refuse("token-keys: %w", err)
	}
	users, err := tokens.ParseSources(c.UserTokenKeys, true)
	if err != nil {
		return nil, refuse("user-token-keys: %w", err)
	}
	return append(operators, users...), nil
}

// openTokenKeys reads the key sets that are files. The others are fetched by Run.
func openTokenKeys(cfg Config, out *outbound.Client, log *slog.Logger) (*tokens.Sets, error) {
	sources, err := cfg.tokenSources()
	if err != nil {
		return nil, err
	}
	sets, err := tokens.NewSets(sources, fetchWith(out), log)
	if err != nil {
		return nil, errs.Stop(errs.ExitIdentity, err)
	}
	return sets, nil
}

// fetchWith fetches key sets under the rules for everything outbound.
func fetchWith(out *outbound.Client) tokens.Fetch {
	return func(ctx context.Context, url string) ([]byte, error) {
		answer, err := out.Do(ctx, outbound.Request{Method: http.MethodGet, URL: url})
		switch {
		case err != nil:
			return nil, err
		case answer.Status != http.StatusOK:
			return nil, fmt.Errorf("status %d", answer.Status)
		case answer.Truncated:
			return nil, fmt.Errorf("more than %d bytes", outbound.MaxBody)
		}
		return answer.Body, nil
	}
}
