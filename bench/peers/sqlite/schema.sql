-- The columns and indexes are those of the PostgreSQL peer; see there why each index is there.
CREATE TABLE events (
  seq             INTEGER PRIMARY KEY,  -- the order of arrival; the table is kept in it
  id              BLOB NOT NULL UNIQUE,
  time            INTEGER NOT NULL,     -- ms since 1970
  received_at     INTEGER NOT NULL,
  status          INTEGER NOT NULL,
  source          INTEGER NOT NULL,
  project         TEXT NOT NULL,
  type            TEXT NOT NULL,
  user_id         TEXT,
  session_id      TEXT,
  organization_id TEXT,
  country_code    TEXT,
  country         TEXT,
  city            TEXT,
  ip_address      TEXT,
  user_agent      TEXT,
  metadata        TEXT NOT NULL
) STRICT;
CREATE INDEX events_user ON events (project, user_id, time DESC, seq DESC);
CREATE INDEX events_type ON events (project, type, time DESC, seq DESC);
CREATE INDEX events_session ON events (project, session_id, time DESC, seq DESC) WHERE session_id IS NOT NULL;
CREATE INDEX events_organization ON events (project, organization_id, time DESC, seq DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX events_time ON events (project, time DESC, seq DESC);
