//! Every bound of the program in one place: queues, buffers, lists, names and waits.
//! Nothing in Supertext grows without one of these numbers standing in its way.
//! Все пределы программы в одном месте: очереди, буферы, списки, имена и ожидания.
//! Ничто в Supertext не растёт без одного из этих чисел на пути.

// --- пакеты -------------------------------------------------------------------------------
/// Bytes of the fixed packet header.
pub const HEADER_BYTES: usize = 16;
/// Greatest data part of any packet (the size field has 16 bits).
pub const DATA_MAX: usize = 65_535;
/// File bytes in one FILE_DATA packet: 60 KiB, a multiple of the 4 KiB page.
pub const FILE_PACKET_BYTES: usize = 61_440;
/// Packets in one file block (one BLAKE3 hash each).
pub const BLOCK_PACKETS: u64 = 256;
/// Bytes of message content in one MESSAGE packet.
pub const MESSAGE_PACKET_BYTES: usize = 4_096;
/// Packets in one message at most (the text is then up to 1 MiB).
pub const MESSAGE_PACKETS_MAX: usize = 256;
/// Characters a person may type as one text (bytes of UTF-8).
pub const TEXT_MAX: usize = MESSAGE_PACKET_BYTES * MESSAGE_PACKETS_MAX - 1024;

// --- очереди и буферы ---------------------------------------------------------------------
/// One step of reading or writing: four file packets and their headers fit into it.
pub const STEP_BYTES: usize = 262_144;
/// Batches of received packets between the listener and the controller.
pub const QUEUE_BATCHES: usize = 8;
/// Other events that wait for the controller.
pub const QUEUE_EVENTS: usize = 1_024;
/// Orders that wait for a worker (links, files, connections).
pub const QUEUE_ORDERS: usize = 8_192;
/// Events that wait for the face; what does not fit is dropped and counted.
pub const QUEUE_SHOW: usize = 16_384;
/// Of them, those on their way from the displayer's thread to the window's.
pub const QUEUE_WINDOW: usize = 1_024;
/// What waits for the thread that speaks with the desktop, and its answers; more is dropped.
pub const QUEUE_NOTICES: usize = 64;
/// Chats whose notification on the desktop is remembered.
pub const NOTICES_MAX: usize = 64;
/// Characters of a message in a notification.
pub const NOTICE_TEXT_MAX: usize = 200;
/// Buffers kept for use again.
pub const POOL_BUFFERS: usize = 24;
/// Message bytes that may wait for one link before it is cut off as too slow.
pub const LANE_MESSAGES_MAX: usize = 4 * 1024 * 1024;
/// File bytes that may wait for one link; more is refused with BUSY.
pub const LANE_FILES_MAX: usize = 24 * 1024 * 1024;
/// Unsent bytes the kernel may hold, so that a message overtakes a file (TCP_NOTSENT_LOWAT).
pub const NOTSENT_LOWAT: u32 = 131_072;

// --- передача файлов ----------------------------------------------------------------------
/// Packets a receiver has asked for and not yet saved: the credit window of one transfer.
pub const WINDOW_PACKETS: u64 = 64;
/// The window is asked for in portions of so many packets.
pub const WANT_PACKETS: u64 = 16;
/// Offers of one peer that wait for an answer.
pub const OFFERS_MAX: usize = 32;
/// Transfers that receive data at the same time; further ones wait their turn.
pub const ACTIVE_INCOMING_MAX: usize = 4;
/// Transfers one client remembers as unfinished.
pub const TRANSFERS_MAX: usize = 1_000;
/// Finished transfers that are remembered, so that a repeated offer is recognised.
pub const FINISHED_MAX: usize = 1_000;
/// A picture that the setting `accept_files images` takes by itself has at most so many bytes.
pub const IMAGE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Folders in which unfinished files may lie.
pub const FOLDERS_MAX: usize = 32;
/// Bytes of a setting's value.
pub const SETTING_MAX: usize = 4_096;
/// Bytes of a file name.
pub const FILE_NAME_MAX: usize = 200;
/// Greatest file: 2^53 bytes.
pub const FILE_SIZE_MAX: u64 = 1 << 53;

// --- списки -------------------------------------------------------------------------------
/// Contacts of one person.
pub const CONTACTS_MAX: usize = 10_000;
/// Messages that wait for delivery to one peer.
pub const OUTBOX_MAX: usize = 10_000;
/// Messages sent to one peer and not yet confirmed.
pub const OUTBOX_WINDOW: usize = 64;
/// Bytes of text among them (one message may be longer).
pub const OUTBOX_WINDOW_BYTES: usize = 128 * 1024;
/// Messages that came too early and wait on disk for the missing one, per peer.
pub const EARLY_MAX: u64 = 1_000;
/// Bytes of all that wait so.
pub const EARLY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Messages sealed ahead of their confirmation, per person: Olm remembers 40 skipped keys.
pub const SEAL_AHEAD: u64 = 32;
/// Bytes of a message that sealing may add, for the price: Olm, its keys and signatures.
pub const SEALED_EXTRA: usize = 512;
/// Sessions kept with one person; older ones can only be needed by what is long on its way.
pub const SESSIONS_MAX: usize = 5;
/// Orders of one person's messages that are remembered.
pub const ORDERS_MAX: u64 = 8;
/// One-time keys that lie at the server for one person.
pub const KEYS_MAX: u64 = 100;
/// With so few left new ones are made.
pub const KEYS_LOW: u64 = 50;
/// Keys one client may ask for in a minute.
pub const KEY_ASKS_MAX: u32 = 1_200;
/// Message packets that wait at the server for one person.
pub const MAIL_COUNT_MAX: u64 = 20_000;
/// Bytes among them.
pub const MAIL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that all mailboxes of a server hold together.
pub const MAIL_TOTAL_BYTES: u64 = 16 * 1024 * 1024 * 1024;
/// Bytes that one link may put into mailboxes within an hour.
pub const MAIL_SENDER_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes of long messages that all links together are putting together for mailboxes.
pub const MAILING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Mail bytes handed over before the next confirmation.
pub const MAIL_PART_BYTES: usize = 256 * 1024;
/// Bytes of half-received long messages, of all peers together.
pub const PARTIAL_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Half-received long messages of all peers together.
pub const PARTIALS_MAX: usize = 1_000;
/// Half-received long messages at the same time, per peer.
pub const PARTIAL_MAX: usize = 4;
/// Past messages shown by one /history at most.
pub const HISTORY_MAX: u64 = 1_000;
/// Characters of an answered message that are shown with its answer.
pub const QUOTE_LETTERS: usize = 200;
/// Found messages shown by one /search at most.
pub const SEARCH_MANY: u64 = 50;
/// Orders written to history.db in one commit at most.
pub const COMMIT_ORDERS: usize = 1_000;
/// Bytes of messages in one commit.
pub const COMMIT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of messages that wait for the filesaver; beyond that nothing new is heard.
pub const SAVER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// People whose keys are remembered in memory, strangers too.
pub const PEOPLE_MAX: usize = 20_000;
/// People who are not contacts: asking, put off, in the spam folder.
pub const STRANGERS_MAX: usize = 1_000;
/// Contact requests that wait for an answer.
pub const REQUESTS_MAX: usize = 100;
/// Bytes of the words of a contact request.
pub const REQUEST_WORDS_MAX: usize = 300;
/// Rooms of one person, left ones too while their messages have a name.
pub const ROOMS_MAX: usize = 256;
/// Invitations of people who are not contacts that wait for an answer, and of one of them.
pub const ROOMS_ASKED_MAX: u64 = 64;
pub const ROOMS_ASKED_EACH: u64 = 8;
/// Members of one room.
pub const ROOM_MEMBERS_MAX: usize = 64;
/// Bytes of one text in a room: a copy of it lies on disk for each member.
pub const ROOM_TEXT_MAX: usize = 64 * 1024;
/// Messages of rooms whose list is not known yet that wait for it, of all authors.
pub const ROOM_WAITING_MAX: u64 = 300;
/// Of them, those of one author.
pub const ROOM_WAITING_EACH: u64 = 64;
/// Copies of one's own messages in rooms whose states are remembered.
pub const ROOM_COPIES_MAX: i64 = 64_000;
/// Open questions at the same time.
pub const QUESTIONS_MAX: usize = 64;
/// Characters of a person's name.
pub const NAME_MAX: usize = 64;
/// Links one server holds.
pub const LINKS_MAX: usize = 20_000;
/// Direct links of one client.
pub const DIRECT_LINKS_MAX: usize = 256;
/// Of them, those of people who are no contacts.
pub const STRANGER_LINKS_MAX: usize = 32;
/// Packets that all strangers on direct links together may send at once, and more per second.
pub const STRANGER_BURST: u64 = 1_024;
pub const STRANGER_RATE: u64 = 64;
/// People who are called directly.
pub const CALLS_MAX: usize = 1_000;
/// Addresses in one card.
pub const CARD_ADDRESSES: usize = 8;
/// Bytes of the name of a host in a card.
pub const HOST_MAX: usize = 255;
/// One-time keys given out over one direct link, and over all within an hour.
pub const LINK_KEYS_MAX: u32 = 16;
pub const LINK_KEYS_HOUR: u64 = 400;
/// People seen in the local network who are remembered.
pub const NEAR_MAX: usize = 512;
/// Addresses of one's own machine at which beacons are sent.
pub const INTERFACES_MAX: usize = 32;
/// Beacons heard in one second at most; further ones are dropped unread.
pub const BEACONS_HEARD_MAX: u32 = 200;
/// Beacons answered in one second at most.
pub const BEACONS_ANSWERED_MAX: u32 = 20;
/// Callers at a client's door that have not finished TLS.
pub const DOOR_YOUNG_MAX: usize = 64;
/// Calls from one address within ten seconds.
pub const DOOR_CALLS_MAX: u32 = 32;
/// Addresses whose calls are counted.
pub const DOOR_ADDRESSES: usize = 1_024;
/// Registered identities one server remembers.
pub const REGISTERED_MAX: usize = 10_000_000;

/// Characters of an account's name.
pub const ACCOUNT_NAME_MIN: usize = 2;
pub const ACCOUNT_NAME_MAX: usize = 32;
/// Characters of a password at least, bytes at most.
pub const PASSWORD_MIN: usize = 8;
pub const PASSWORD_MAX: usize = 1_024;
/// Bytes of a sealed vault.
pub const VAULT_MAX: usize = 60 * 1024;
/// Wrong passwords, per name and per link, before the next try must wait.
pub const TRIES_FREE: u32 = 5;
/// Names whose wrong passwords a server remembers.
pub const TRIES_NAMES_MAX: usize = 10_000;
/// Searches of one link in a minute, and other requests about its account.
pub const ACCOUNT_ASKS_MAX: u32 = 60;
/// People found by one search at most.
pub const FOUND_MAX: u64 = 20;
/// Characters of a search that count.
pub const FIND_MAX: usize = 64;

// --- через третьего -----------------------------------------------------------------------
/// Links a packet travels at most.
pub const HOPS_MAX: u8 = 6;
/// Contacts with a direct link whose packets are carried and who are told whom one reaches.
pub const NEIGHBOURS_MAX: usize = 64;
/// People in one ROUTES.
pub const ROUTES_MAX: usize = 256;
/// People in the table of who is reached over whom.
pub const REACHED_MAX: usize = 1_024;
/// Packets of the lane of messages that one neighbour may hand over at once, and more per second.
pub const CARRY_BURST: u64 = 2_048;
pub const CARRY_RATE: u64 = 512;
/// Bytes in the two lanes of a link above which packets of others are dropped: below what one's own
/// files wait for (a third of LANE_FILES_MAX), so that those of others never stop them.
pub const CARRY_MESSAGES_MAX: usize = 2 * 1024 * 1024;
pub const CARRY_FILES_MAX: usize = 7 * 1024 * 1024;
/// The credit window of a transfer over a third: nobody on the way has much room.
pub const THIRD_WINDOW: u64 = 32;
/// Numbers back from the greatest one that are remembered, for so many sources and destinations.
pub const SEEN_NUMBERS: u32 = 1_024;
pub const SEEN_PAIRS_MAX: usize = 1_024;

// --- ожидания, миллисекунды ---------------------------------------------------------------
/// TCP connection to one address.
pub const CONNECT_MS: u64 = 10_000;
/// From the first byte to HELLO.
pub const HELLO_MS: u64 = 10_000;
/// A quiet link is asked PING after so long.
pub const PING_MS: u64 = 15_000;
/// A link that says nothing for so long is given up.
pub const SILENT_MS: u64 = 45_000;
/// A quiet direct link is asked PING after so long.
pub const DIRECT_PING_MS: u64 = 5_000;
/// A direct link that says nothing for so long is given up.
pub const DIRECT_SILENT_MS: u64 = 15_000;
/// A neighbour is told of changes at most so often, and again while he says nothing himself.
pub const ROUTES_GAP_MS: u64 = 1_000;
pub const ROUTES_AGAIN_MS: u64 = 30_000;
/// A greeting over a third waits so long for its answer; the waits double up to the second.
pub const THIRD_HELLO_MS: u64 = 3_000;
pub const THIRD_WAIT_MAX_MS: u64 = 60_000;
/// A quiet link over a third is asked PING after so long, and given up after the second.
pub const THIRD_PING_MS: u64 = 10_000;
pub const THIRD_SILENT_MS: u64 = 30_000;
/// Links over a third to one person begin at most so often.
pub const THIRD_AGAIN_MS: u64 = 2_000;
/// Over a third a running transfer that receives nothing for so long asks again.
pub const THIRD_STALL_MS: u64 = 20_000;
/// A beacon goes out so often; at the start sooner.
pub const BEACON_MS: u64 = 10_000;
/// Who has sent no beacon for so long is not near any more.
pub const NEAR_MS: u64 = 35_000;
/// Of two who find each other the one with the greater id waits so long before he calls.
pub const LAN_YIELD_MS: u64 = 300;
/// Interfaces are looked at so often.
pub const INTERFACES_MS: u64 = 3_000;
/// A way in through the router is asked for so many seconds.
pub const MAPPING_SECONDS: u32 = 3_600;
/// The first wait for a router's answer; it doubles.
pub const MAPPING_WAIT_MS: u64 = 250;
/// The mapper looks so often whether the router is another one.
pub const MAPPING_LOOK_MS: u64 = 30_000;
/// A router that lets nobody in is asked again after this …
pub const MAPPING_RETRY_MS: u64 = 60_000;
/// … and after twice as long, up to this.
pub const MAPPING_RETRY_MAX_MS: u64 = 3_600_000;
/// Longest text taken from a router.
pub const MAPPING_TEXT_MAX: usize = 64 * 1024;
/// A link in doubt is given up when nothing is heard for so long.
pub const DIRECT_DOUBT_MS: u64 = 2_500;
/// Both ends of a hole tap so often, and give up after so long.
pub const PUNCH_TAP_MS: u64 = 100;
pub const PUNCH_MS: u64 = 5_000;
/// One's own address is asked for again after so long, so that the router keeps it.
pub const STUN_AGAIN_MS: u64 = 20_000;
/// A question for one's own address is repeated after so long, so many times.
pub const STUN_WAIT_MS: u64 = 300;
pub const STUN_TRIES: u32 = 4;
/// Ports of a server at which one asks.
pub const STUN_PORTS: usize = 2;
/// Questions for addresses that a server answers in a second.
pub const STUN_ANSWERS_MAX: u32 = 20_000;
/// Addresses in an introduction, of UDP and of TCP each.
pub const MEET_ADDRESSES: usize = 8;
/// People with whom a link is being arranged at the same time.
pub const MEETS_MAX: usize = 1_000;
/// Whom to introduce oneself to is looked at so often.
pub const MEET_LOOK_MS: u64 = 300;
/// The first wait before two people are introduced again; it grows fourfold.
pub const MEET_FIRST_MS: u64 = 5_000;
/// The longest wait before that.
pub const MEET_LAST_MS: u64 = 600_000;
/// A hole in which nothing is heard for so long is over.
pub const HOLE_IDLE_MS: u32 = 15_000;
/// Something goes through a hole at least so often.
pub const HOLE_ALIVE_MS: u64 = 4_000;
/// Leaving waits so long for the last words in the holes.
pub const HOLE_LAST_MS: u64 = 500;
/// Bytes a hole carries in one step.
pub const HOLE_STEP_BYTES: usize = 64 * 1024;
/// Bytes of a pipe that the kernel may hold before a hole takes them.
pub const HOLE_PIPE_BYTES: usize = 128 * 1024;
/// Bytes the other end may have under way.
pub const HOLE_WINDOW_BYTES: u32 = 8 * 1024 * 1024;
/// What the kernel is asked to hold for the UDP socket, each way.
pub const UDP_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// A further address is tried so long after the one before, if that has not answered.
pub const CONNECT_NEXT_MS: u64 = 250;
/// The first wait before a lost server is called again; it doubles.
pub const RETRY_FIRST_MS: u64 = 500;
/// The longest wait before a lost server is called again.
pub const RETRY_MAX_MS: u64 = 30_000;
/// An unconfirmed message is sent again after so long.
pub const RESEND_MS: u64 = 15_000;
/// Mail that nobody fetched is thrown away after so long.
pub const MAIL_AGE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Mail handed over and not confirmed for so long is handed over again.
pub const MAIL_AGAIN_MS: u64 = 120_000;
/// A key is asked for again after so long.
pub const KEY_AGAIN_MS: u64 = 5_000;
/// … and after so long at most, while that person has none.
pub const KEY_LATE_MS: u64 = 600_000;
/// A broken session is healed at most once in so long, per person.
pub const HEAL_MS: u64 = 20_000;
/// The wait doubles up to this.
pub const RESEND_MAX_MS: u64 = 60_000;
/// … and for what the server has stored up to this: a long mailbox is emptied slowly.
pub const RESEND_STORED_MS: u64 = 240_000;
/// A running transfer that receives nothing for so long asks again.
pub const STALL_MS: u64 = 60_000;
/// What is still to be written when a link ends may take so long.
pub const FINISH_MS: u64 = 2_000;
/// What was read in an open room is told at most once in so long.
pub const ROOM_READ_MS: u64 = 2_000;
/// The end of the JSON pipe's input waits so long for deliveries.
pub const LEAVE_MS: u64 = 30_000;
/// history.db is tried again so long after a failure.
pub const BASE_RETRY_MS: u64 = 5_000;
/// At the end of the input an unanswered offer is waited for so long.
pub const ANSWER_MS: u64 = 3_000;
/// Progress of a transfer is shown at most once in so long.
pub const PROGRESS_MS: u64 = 250;
/// The first wait after too many wrong passwords; it doubles.
pub const TRIES_WAIT_MS: u64 = 30_000;
/// The longest wait after wrong passwords.
pub const TRIES_WAIT_MAX_MS: u64 = 15 * 60 * 1_000;
/// Wrong passwords are forgotten after so long without a further one.
pub const TRIES_FORGET_MS: u64 = 60 * 60 * 1_000;
/// The vault is saved so long after the first change.
pub const VAULT_SAVE_MS: u64 = 3_000;
/// A request about the account waits so long for its answer.
pub const ACCOUNT_WAIT_MS: u64 = 60_000;
/// Leaving waits so long for the vault.
pub const ACCOUNT_LEAVE_MS: u64 = 3_000;
/// A second start waits so long for the window of the first one, and looks so often.
pub const RAISE_WAIT_MS: u64 = 2_000;
pub const RAISE_LOOK_MS: u64 = 50;
/// How often a window looks whether a second start wants it.
pub const RAISE_TICK_MS: u64 = 300;
/// Notifications are at least so far apart; what comes between becomes one.
pub const NOTICE_GAP_MS: u64 = 1_000;
/// The desktop has so long to answer.
pub const DESKTOP_MS: u64 = 5_000;
/// How often the controller's own clock ticks.
pub const TICK_MS: u64 = 100;

// --- осмотр (supertext doctor) ------------------------------------------------------------
/// All checks together may take so long, milliseconds; what has not answered then is said so.
pub const DOCTOR_MS: u64 = 9_000;
/// One step of a check that waits for the network: a connection, a handshake.
pub const DOCTOR_STEP_MS: u64 = 3_000;
/// One try of one's own door, and doors tried.
pub const DOCTOR_DOOR_MS: u64 = 700;
pub const DOCTOR_DOORS: usize = 4;
/// A way to the server and back that is called slow.
pub const DOCTOR_SLOW_MS: u128 = 1_000;
/// A difference of the clocks that is told.
pub const DOCTOR_CLOCK_MS: u64 = 30_000;
/// A certificate that ends sooner is told.
pub const DOCTOR_CERTIFICATE_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Free bytes that are few, and too few.
pub const DOCTOR_DISK_LOW: u64 = 1024 * 1024 * 1024;
pub const DOCTOR_DISK_BAD: u64 = 64 * 1024 * 1024;
/// A larger history.db is opened, but not read through.
pub const DOCTOR_BASE_MAX: u64 = 512 * 1024 * 1024;
