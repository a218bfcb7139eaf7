-- Every value with a key: the body is JSON, i1..i3 repeat the fields that its kind is found by.
CREATE TABLE records (
    seq     INTEGER PRIMARY KEY,      -- the order of first saves
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL,
    i1 TEXT, i2 TEXT, i3 TEXT,
    UNIQUE (kind, key)
);
-- Nothing is looked for by an empty field: what is done with leaves the index, and a save that ends there is cheaper.
CREATE INDEX records_1 ON records (kind, i1) WHERE i1 > '';
CREATE INDEX records_2 ON records (kind, i2) WHERE i2 > '';
CREATE INDEX records_3 ON records (kind, i3) WHERE i3 > '';

-- Words that records are found by; the empty term stands beside every indexed record.
CREATE TABLE terms (
    kind TEXT NOT NULL,
    term TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (kind, term, seq)
) WITHOUT ROWID;
CREATE INDEX terms_of ON terms (seq);

-- What was answered to which message.
CREATE TABLE replies (
    key    TEXT PRIMARY KEY,
    answer BLOB NOT NULL
) WITHOUT ROWID;

-- Names of request tokens, each bound to the first request it came with; expires in microseconds since 1970.
CREATE TABLE tokens (
    issuer  TEXT NOT NULL,
    name    TEXT NOT NULL,
    digest  TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (issuer, name)
) WITHOUT ROWID;

-- Bytes by their SHA-256.
CREATE TABLE blobs (
    digest BLOB PRIMARY KEY,
    data   BLOB NOT NULL
);

-- Messages that no peer has answered yet; times are ISO 8601.
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    process  TEXT NOT NULL,
    kind     TEXT NOT NULL,
    verb     TEXT NOT NULL,
    receiver TEXT NOT NULL,
    url      TEXT NOT NULL,
    body     BLOB NOT NULL,
    created  TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due      TEXT,
    error    TEXT NOT NULL
);
CREATE INDEX outbox_process ON outbox (process);

-- The evidence log (RFC 6962): leaves in order, whom they are about, how many leaves each chain has, and the hash of
-- every complete subtree in the order in which the leaves complete them, so that the log only grows at its end.
CREATE TABLE entries (
    place INTEGER PRIMARY KEY,
    body  BLOB NOT NULL
);
CREATE TABLE subjects (
    subject TEXT NOT NULL,
    place   INTEGER NOT NULL,
    PRIMARY KEY (subject, place)
) WITHOUT ROWID;
CREATE TABLE chains (
    chain  TEXT PRIMARY KEY,
    leaves INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE nodes (
    number INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL
);

-- Which batch was committed last: tells, after a commit that failed, whether it happened.
CREATE TABLE batches (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL
);
INSERT INTO batches VALUES (1, 0);
