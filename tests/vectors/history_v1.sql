CREATE TABLE messages(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, outgoing INTEGER NOT NULL, id BLOB NOT NULL,
  text TEXT NOT NULL, sent INTEGER NOT NULL, received INTEGER NOT NULL, seen INTEGER NOT NULL,
  UNIQUE(peer, outgoing, id));
CREATE INDEX messages_peer ON messages(peer, number);
CREATE INDEX messages_unseen ON messages(peer) WHERE seen = 0;
CREATE VIRTUAL TABLE words USING fts5(text, content='', tokenize='unicode61 remove_diacritics 2');
CREATE TABLE outbox(
  number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, id BLOB NOT NULL, envelope BLOB NOT NULL,
  UNIQUE(peer, id));
PRAGMA user_version=1;
