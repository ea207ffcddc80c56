-- Wireshark and tshark (4.0 and newer): packets of Supertext inside decrypted TLS, as
-- docs/protocol.md describes them. How to use it: README.md in this folder.
-- Wireshark и tshark (от 4.0): пакеты Supertext внутри расшифрованного TLS, как их описывает
-- docs/protocol.md. Как пользоваться: README.md в этой папке.
-- SPDX-License-Identifier: MIT OR Apache-2.0

local supertext = Proto("supertext", "Supertext")

local ALPN = "supertext/1"
local HEADER_BYTES = 16
local PIECE_HEAD = 4
local SEALED_HEAD = 12
local TAG_BYTES = 16
local CARRY_HEAD = 9

-- Та же таблица, что PACKETS в src/wire/packets.rs (их сравнивает tests/wireshark.rs):
-- content_type, content_id управляющего пакета, имя, предел данных, из чего состоит тело.
local PACKETS = {
    { 0, 1, "HELLO", 16384, "cbor" },
    { 0, 2, "PING", 16384, "cbor" },
    { 0, 3, "PONG", 16384, "cbor" },
    { 0, 4, "QUIT", 16384, "cbor" },
    { 0, 5, "QUITED", 16384, "cbor" },
    { 0, 6, "REFUSED", 16384, "cbor" },
    { 0, 7, "WATCH", 16384, "cbor" },
    { 0, 8, "PRESENCE", 16384, "cbor" },
    { 0, 9, "UNREACHABLE", 16384, "cbor" },
    { 0, 10, "KEYS", 16384, "cbor" },
    { 0, 11, "KEYS_LEFT", 16384, "cbor" },
    { 0, 12, "KEY_ASK", 16384, "cbor" },
    { 0, 13, "KEY", 16384, "cbor" },
    { 0, 14, "STORED", 16384, "cbor" },
    { 0, 15, "MAIL", 16384, "cbor" },
    { 0, 16, "ACCOUNT", 65535, "cbor" },
    { 0, 17, "ACCOUNT_REPLY", 65535, "cbor" },
    { 0, 20, "ROUTES", 16384, "cbor" },
    { 1, 0, "MESSAGE", 4100, "message" },
    { 16, 0, "FILE_SIZE", 64, "cbor" },
    { 17, 0, "FILE_WANT", 64, "cbor" },
    { 18, 0, "FILE_DATA", 61468, "sealed" },
    { 19, 0, "FILE_BLOCK", 60, "sealed" },
    { 20, 0, "FILE_END", 60, "sealed" },
    { 21, 0, "FILE_DONE", 64, "cbor" },
    { 22, 0, "FILE_STOP", 64, "cbor" },
    { 24, 0, "CARRY", 4125, "carry" },
    { 25, 0, "CARRY_FILE", 61493, "carry" },
}

-- Имена значений content_type: управляющие пакеты различает content_id, у прочих тип и есть имя.
local CONTENT_TYPES = { [0] = "control" }
for _, row in ipairs(PACKETS) do
    if row[1] ~= 0 then
        CONTENT_TYPES[row[1]] = row[3]
    end
end

local fields = supertext.fields
fields.packet = ProtoField.string("supertext.packet", "Packet")
fields.source = ProtoField.string("supertext.source", "Source id")
fields.dest = ProtoField.string("supertext.dest", "Destination id")
fields.content_id = ProtoField.uint24("supertext.content_id", "Content id", base.DEC)
fields.content_type =
    ProtoField.uint8("supertext.content_type", "Content type", base.DEC, CONTENT_TYPES)
fields.size = ProtoField.uint16("supertext.size", "Size of the data", base.DEC)
fields.data = ProtoField.bytes("supertext.data", "Data")
fields.piece_index = ProtoField.uint16("supertext.piece.index", "Index of the piece", base.DEC)
fields.piece_count = ProtoField.uint16("supertext.piece.count", "Count of pieces", base.DEC)
fields.piece_bytes = ProtoField.bytes("supertext.piece.bytes", "Bytes of the sealed envelope")
fields.run = ProtoField.uint64("supertext.run", "Run", base.DEC)
fields.sequence = ProtoField.uint64("supertext.sequence", "Sequence", base.DEC)
fields.olm_kind = ProtoField.uint8("supertext.olm.kind", "Type of the Olm message", base.DEC,
    { [0] = "begins a session", [1] = "continues a session" })
fields.olm_length = ProtoField.uint32("supertext.olm.length", "Length of the Olm message", base.DEC)
fields.olm_body = ProtoField.bytes("supertext.olm.body", "Olm message")
fields.attempt = ProtoField.uint32("supertext.attempt", "Attempt", base.DEC)
fields.index = ProtoField.uint64("supertext.index", "Index", base.DEC)
fields.ciphertext = ProtoField.bytes("supertext.ciphertext", "Ciphertext")
fields.hops = ProtoField.uint8("supertext.hops", "Links it may still travel", base.DEC)
fields.stream = ProtoField.uint32("supertext.stream", "Stream", base.HEX)
fields.number = ProtoField.uint32("supertext.number", "Number in the stream", base.DEC)
fields.tag = ProtoField.bytes("supertext.tag", "Tag")

local experts = supertext.experts
experts.unknown = ProtoExpert.new("supertext.unknown", "No such packet, or more data than allowed",
    expert.group.PROTOCOL, expert.severity.ERROR)
experts.short = ProtoExpert.new("supertext.short", "Less data than this packet must have",
    expert.group.MALFORMED, expert.severity.ERROR)

-- Готовый разборщик CBOR есть в самом Wireshark.
local cbor = Dissector.get("cbor")

-- Начатые сообщения (по концам линии и пакету) и готовые (то же и номер кадра).
local begun = {}
local joined = {}

-- Новый файл захвата: прежние сообщения забыты.
function supertext.init()
    begun = {}
    joined = {}
end

-- Номер человека: 13 десятичных цифр и контрольная по ISO 7064 MOD 11,10; 40 бит double вмещает.
local function id_digits(range)
    local number = range(0, 1):uint() * 4294967296 + range(1, 4):uint()
    local digits = string.format("%013.0f", number)
    local product = 10
    for place = 1, #digits do
        local sum = (product + (digits:byte(place) - 48)) % 10
        if sum == 0 then
            sum = 10
        end
        product = (2 * sum) % 11
    end
    return digits .. string.format("%d", (11 - product) % 10)
end

-- Номер коротко, для столбца Info: начало, или «server», когда номер 0.
local function id_short(range)
    if range(0, 1):uint() == 0 and range(1, 4):uint() == 0 then
        return "server"
    end
    return id_digits(range):sub(1, 5) .. "…"
end

-- Строка таблицы для заголовка; nil — такого пакета нет или данных больше, чем можно.
local function packet_find(header)
    local content_id, content_type = header(10, 3):uint(), header(13, 1):uint()
    for _, row in ipairs(PACKETS) do
        if row[1] == content_type and (content_type ~= 0 or row[2] == content_id) then
            if header(14, 2):uint() > row[4] then
                return nil
            end
            return row
        end
    end
    return nil
end

-- Показывает CBOR чужим разборщиком; столбцы остаются нашими.
local function cbor_show(tvb, pinfo, tree)
    cbor:call(tvb, pinfo, tree)
    pinfo.cols.protocol = "Supertext"
end

-- Начало значения CBOR (RFC 8949, 3): вид, число, сколько байт заняло начало. Число — диапазон
-- байт и оно же для коротких; nil — не хватает байт или длина не дана.
local function cbor_head(range, offset)
    if offset >= range:len() then
        return nil
    end
    local first = range(offset, 1):uint()
    local major, short = math.floor(first / 32), first % 32
    if short < 24 then
        return major, short, 1
    end
    local width = ({ [24] = 1, [25] = 2, [26] = 4, [27] = 8 })[short]
    if width == nil or offset + 1 + width > range:len() then
        return nil
    end
    local number = range(offset + 1, width)
    if width == 8 then
        return major, number:uint64():tonumber(), 9
    end
    return major, number:uint(), 1 + width
end

-- Число из словаря: поле с байтами значения (у короткого число лежит в самом начале).
local function uint_show(field, range, offset, head, tree)
    if head == 1 then
        tree:add(field, range(offset, 1), UInt64(range(offset, 1):uint() % 32))
    else
        tree:add(field, range(offset + 1, head - 1))
    end
end

-- Словарь запечатанного: место в порядке и тело Olm. Что дальше ключа 3, показывает только cbor;
-- непонятное не показывается, это не ошибка разборщика.
local function sealed_map_show(range, tree)
    local major, count, head = cbor_head(range, 0)
    if major ~= 5 then
        return
    end
    local offset = head
    for _ = 1, math.min(count, 4) do
        local key_major, key, key_head = cbor_head(range, offset)
        if key_major ~= 0 then
            return
        end
        offset = offset + key_head
        local kind, number, length = cbor_head(range, offset)
        if kind == 0 and key == 0 then
            uint_show(fields.run, range, offset, length, tree)
        elseif kind == 0 and key == 1 then
            uint_show(fields.sequence, range, offset, length, tree)
        elseif kind == 0 and key == 2 and number < 256 then
            tree:add(fields.olm_kind, range(offset, length), number)
        elseif kind == 2 and key == 3 and offset + length + number <= range:len() then
            tree:add(fields.olm_length, range(offset, length), number)
            if number > 0 then
                tree:add(fields.olm_body, range(offset + length, number))
            end
            return
        else
            return
        end
        offset = offset + length
    end
end

-- Собранное запечатанное: сначала то, что видно и серверу, потом весь CBOR.
local function sealed_envelope_show(tvb, pinfo, tree)
    sealed_map_show(tvb(), tree)
    cbor_show(tvb, pinfo, tree)
end

-- Собирает сообщение из кусков; с последним куском возвращает его целиком, до того nil.
-- Повторный показ кадра берёт готовое: собирать можно только по порядку.
local function pieces_join(header, piece, index, count, pinfo)
    local key = string.format("%s %d %s %d %s", tostring(pinfo.src), pinfo.src_port,
        tostring(pinfo.dst), pinfo.dst_port, header(0, 13):bytes():tohex())
    local ready = key .. " " .. pinfo.number
    if pinfo.visited then
        return index + 1 == count and joined[ready] or nil
    end
    if index == 0 then
        begun[key] = { count = count, next = 0, bytes = ByteArray.new() }
    end
    local message = begun[key]
    if message == nil or message.next ~= index or message.count ~= count then
        begun[key] = nil
        return nil
    end
    message.bytes:append(piece:bytes())
    message.next = index + 1
    if message.next < count then
        return nil
    end
    begun[key] = nil
    joined[ready] = message.bytes
    return message.bytes
end

-- Тело MESSAGE: номер куска, сколько их, кусок; собранное показано в последнем куске.
local function message_show(header, data, pinfo, tree)
    local index, count = data(0, 2):uint(), data(2, 2):uint()
    tree:add(fields.piece_index, data(0, 2))
    tree:add(fields.piece_count, data(2, 2))
    if data:len() == PIECE_HEAD then
        return
    end
    local piece = data(PIECE_HEAD)
    tree:add(fields.piece_bytes, piece)
    if count == 1 and index == 0 then
        return sealed_envelope_show(piece:tvb(), pinfo, tree)
    end
    local whole = pieces_join(header, piece, index, count, pinfo)
    if whole ~= nil then
        sealed_envelope_show(whole:tvb("Sealed envelope"), pinfo, tree)
    end
end

-- Запечатанное тело: попытка, номер, шифртекст, метка. Старшие биты номера говорят, что внутри.
local function sealed_show(data, tree)
    tree:add(fields.attempt, data(0, 4))
    local item = tree:add(fields.index, data(4, 8))
    local top = data(4, 1):uint()
    if top >= 128 then
        item:append_text(string.format(" (block %d)", data(8, 4):uint()))
    elseif top >= 64 then
        item:append_text(" (end)")
    end
    local length = data:len() - SEALED_HEAD - TAG_BYTES
    if length > 0 then
        tree:add(fields.ciphertext, data(SEALED_HEAD, length))
    end
    tree:add(fields.tag, data(SEALED_HEAD + length, TAG_BYTES))
end

-- Показывает 16 байт заголовка.
local function header_show(header, row, tree)
    tree:add(fields.packet, header(10, 4), row[3]):set_generated()
    tree:add(fields.source, header(0, 5), id_digits(header(0, 5)))
    tree:add(fields.dest, header(5, 5), id_digits(header(5, 5)))
    tree:add(fields.content_id, header(10, 3))
    tree:add(fields.content_type, header(13, 1))
    tree:add(fields.size, header(14, 2))
end

-- Пакет внутри CARRY: его строка таблицы; nil — внутри не целый пакет.
local function carried_find(data)
    local inner = data(CARRY_HEAD)
    local row = packet_find(inner(0, HEADER_BYTES))
    if row == nil or HEADER_BYTES + inner(14, 2):uint() ~= inner:len() or row[5] == "carry" then
        return nil
    end
    return row
end

-- Показывает один целый пакет; возвращает его строку для столбца Info.
local function packet_show(packet, row, pinfo, tree)
    local header = packet(0, HEADER_BYTES)
    local size = packet:len() - HEADER_BYTES
    local line = string.format("%s %s → %s %d bytes", row[3], id_short(header(0, 5)),
        id_short(header(5, 5)), size)
    local branch = tree:add(supertext, packet, "Supertext " .. line)
    header_show(header, row, branch)
    if size == 0 then
        return line
    end
    local data = packet(HEADER_BYTES)
    local body = branch:add(fields.data, data)
    if row[5] == "cbor" then
        cbor_show(data:tvb(), pinfo, body)
    elseif row[5] == "message" and size >= PIECE_HEAD then
        message_show(header, data, pinfo, body)
    elseif row[5] == "sealed" and size >= SEALED_HEAD + TAG_BYTES then
        sealed_show(data, body)
    elseif row[5] == "carry" and size >= CARRY_HEAD + HEADER_BYTES and carried_find(data) then
        body:add(fields.hops, data(0, 1))
        body:add(fields.stream, data(1, 4))
        body:add(fields.number, data(5, 4))
        line = line .. " ← " .. packet_show(data(CARRY_HEAD), carried_find(data), pinfo, body)
    else
        body:add_proto_expert_info(experts.short)
    end
    return line
end

-- Просит ещё байт: пакет начался на этом месте и не кончился в этой записи TLS.
local function more_ask(pinfo, offset, bytes)
    pinfo.desegment_offset = offset
    pinfo.desegment_len = bytes
end

-- Дописывает строку пакета к столбцу Info: пакетов и записей TLS в одном кадре бывает много.
-- Ограда бережёт дописанное: и от TLS, и от clear, который стирает только чужое.
local function info_add(pinfo, line)
    pinfo.cols.info:clear()
    if tostring(pinfo.cols.info):find("%S$") then
        pinfo.cols.info:append("; ")
    end
    pinfo.cols.info:append(line)
    pinfo.cols.info:fence()
end

-- Пакеты одной записи TLS (или собранные из нескольких), один за другим.
function supertext.dissector(tvb, pinfo, tree)
    local offset, length = 0, tvb:len()
    pinfo.cols.protocol = "Supertext"
    while offset < length do
        local left = length - offset
        if left < HEADER_BYTES then
            more_ask(pinfo, offset, DESEGMENT_ONE_MORE_SEGMENT)
            return length
        end
        local header = tvb(offset, HEADER_BYTES)
        local row = packet_find(header)
        if row == nil then
            -- Где кончается такой пакет, знать нельзя: дальше потоку нет веры.
            local rest = tree:add(supertext, tvb(offset), "Supertext: unknown packet")
            rest:add_proto_expert_info(experts.unknown)
            info_add(pinfo, "unknown packet")
            return length
        end
        local whole = HEADER_BYTES + header(14, 2):uint()
        if left < whole then
            more_ask(pinfo, offset, whole - left)
            return length
        end
        info_add(pinfo, packet_show(tvb(offset, whole), row, pinfo, tree))
        offset = offset + whole
    end
    return length
end

-- ALPN стоит в расшифрованном рукопожатии, поэтому порт не важен; «Decode As» — на всякий случай.
DissectorTable.get("tls.alpn"):add(ALPN, supertext)
DissectorTable.get("tls.port"):add_for_decode_as(supertext)
