-- What an event of dashd has, in columns: those of a fixed length first, so that nothing is lost to alignment.
-- The texts of ids and types are compared byte by byte (the database's collation is C).
CREATE TABLE events (
  id              uuid NOT NULL,
  seq             bigint GENERATED ALWAYS AS IDENTITY,  -- the order of arrival
  time            timestamptz NOT NULL,
  received_at     timestamptz NOT NULL DEFAULT now(),
  status          smallint NOT NULL,
  source          smallint NOT NULL,
  project         text NOT NULL,
  type            text NOT NULL,
  user_id         text,
  session_id      text,
  organization_id text,
  actor_id        text,
  key             text,
  country_code    text,
  country         text,
  region          text,
  city            text,
  ip_address      inet,
  user_agent      text,
  message         text,
  metadata        jsonb NOT NULL,

  -- An event that is sent again is found by its id; cursors of lists are ids too.
  PRIMARY KEY (id)
);
