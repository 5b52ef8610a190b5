-- The agent's memory as it is made today; database.STEPS brings older ones here.
CREATE TABLE IF NOT EXISTS endpoints (
    name TEXT PRIMARY KEY, target TEXT NOT NULL, created REAL NOT NULL, answering INTEGER, state TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS releases (
    endpoint TEXT NOT NULL REFERENCES endpoints(name) ON DELETE CASCADE, number INTEGER NOT NULL, state TEXT NOT NULL,
    created REAL NOT NULL, url TEXT NOT NULL DEFAULT '', capture TEXT NOT NULL, lock TEXT NOT NULL DEFAULT '',
    bundle TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', hint TEXT NOT NULL DEFAULT '',
    differences BLOB NOT NULL DEFAULT '[]', verified INTEGER NOT NULL DEFAULT 0, options BLOB NOT NULL,
    findings BLOB NOT NULL DEFAULT '[]', provenance BLOB NOT NULL DEFAULT '{}',
    batching BLOB NOT NULL DEFAULT '[]', compiled BLOB NOT NULL DEFAULT '[]',
    faster TEXT NOT NULL DEFAULT '', faster_lock TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (endpoint, number));
CREATE TABLE IF NOT EXISTS stages (
    id INTEGER PRIMARY KEY, endpoint TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, started REAL NOT NULL,
    seconds REAL, detail TEXT NOT NULL DEFAULT '',
    FOREIGN KEY (endpoint, number) REFERENCES releases(endpoint, number) ON DELETE CASCADE);
CREATE INDEX IF NOT EXISTS stages_of ON stages (endpoint, number);
CREATE TABLE IF NOT EXISTS contents (kind TEXT NOT NULL, digest TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, digest));
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, hash TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, revoked REAL,
    methods BLOB, expires REAL, quota INTEGER, place INTEGER NOT NULL DEFAULT 0, last_used REAL);
CREATE TABLE IF NOT EXISTS samples (
    endpoint TEXT NOT NULL REFERENCES endpoints(name) ON DELETE CASCADE, at REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (endpoint, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, action TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL,
    who TEXT NOT NULL DEFAULT '');
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
