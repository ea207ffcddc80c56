CREATE TABLE messages(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, outgoing INTEGER NOT NULL, id BLOB NOT NULL,
  text TEXT NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, seen INTEGER NOT NULL,
  read INTEGER NOT NULL DEFAULT 0, edited INTEGER NOT NULL DEFAULT 0, reply BLOB,
  state INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0,
  UNIQUE(peer, outgoing, id));
CREATE INDEX messages_shown ON messages(peer) WHERE hidden <> 1;
CREATE INDEX messages_unseen ON messages(peer) WHERE seen = 0;
CREATE INDEX messages_unread ON messages(peer) WHERE outgoing = 1 AND state < 3;
CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61 remove_diacritics 2');
INSERT INTO words(words, rank) VALUES('secure-delete', 1);
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, id BLOB NOT NULL, envelope BLOB NOT NULL,
  run INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0, packet BLOB,
  stored INTEGER NOT NULL DEFAULT 0, UNIQUE(peer, id));
CREATE INDEX outbox_flying ON outbox(peer) WHERE packet IS NOT NULL AND stored = 0;
CREATE INDEX outbox_unsealed ON outbox(peer, number) WHERE packet IS NULL;
CREATE TABLE orders_out(peer INTEGER PRIMARY KEY, run INTEGER NOT NULL, next INTEGER NOT NULL);
CREATE TABLE orders(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, run INTEGER NOT NULL,
  expected INTEGER NOT NULL, UNIQUE(peer, run));
CREATE TABLE early(
  peer INTEGER NOT NULL, run INTEGER NOT NULL, sequence INTEGER NOT NULL, packet BLOB NOT NULL,
  PRIMARY KEY(peer, run, sequence)) WITHOUT ROWID;
CREATE TABLE asides(number INTEGER PRIMARY KEY, mark BLOB NOT NULL UNIQUE);
CREATE TABLE account(one INTEGER PRIMARY KEY CHECK(one = 1), pickle BLOB NOT NULL);
CREATE TABLE sessions(
  peer INTEGER NOT NULL, name TEXT NOT NULL, used INTEGER NOT NULL, pickle BLOB NOT NULL,
  PRIMARY KEY(peer, name));
CREATE TABLE people(
  peer INTEGER PRIMARY KEY, public BLOB NOT NULL, changed BLOB,
  verified INTEGER NOT NULL DEFAULT 0);
CREATE TABLE owner(one INTEGER PRIMARY KEY CHECK(one = 1), public BLOB NOT NULL);
PRAGMA user_version=2;
