-- One for each kind of list that dashd's index answers and its dashboard shows, newest first. dashd also finds events by stream key, actor,
-- address, country, status, severity and source: those have no index here, which favours PostgreSQL.

-- The events of a user: the scenarios latest20 and latest20-hot.
CREATE INDEX events_user ON events (project, user_id, time DESC, seq DESC);
-- Those of a type, and their number: the scenario count.
CREATE INDEX events_type ON events (project, type, time DESC, seq DESC);
-- Those of a session, and of an organization. Events without one are not in them.
CREATE INDEX events_session ON events (project, session_id, time DESC, seq DESC) WHERE session_id IS NOT NULL;
CREATE INDEX events_organization ON events (project, organization_id, time DESC, seq DESC) WHERE organization_id IS NOT NULL;
-- All of a project, newest first: the first page of the dashboard.
CREATE INDEX events_time ON events (project, time DESC, seq DESC);
