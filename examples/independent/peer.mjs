/**
 * Member of a Coterie cluster in plain JavaScript, written from docs/protocol.md alone, whose chapters are named below:
 * `node peer.mjs --name mini --cluster hello --join 127.0.0.1:24868`. It does not listen, and dials all peers that it
 * learns of. It prints one JSON object per line, and reads `say TEXT`, `publish LANE TEXT` and `leave` from its
 * standard input.
 */
import { randomInt } from "node:crypto"
import { connect } from "node:net"
import * as Codec from "./codec.mjs"

export * from "./codec.mjs"

const { ALIVE, FAILED, LEFT, STATUS, SUSPECT } = Codec
const { ProtocolViolation, compareKeys, compareNames, compareRecords, keyOf, malformed } = Codec

const HOUR = 3_600_000
const WINDOW = 262_144
const LARGEST = 16_777_216
const HEARTBEAT = 1000
const LINK_TIMEOUT = 3000
const EMPTY = { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] }

/** Returns the greatest incarnation that a life may have now, if clocks differ by a number of hours (chapter 6). */
const greatest = (generation, hours) =>
  Math.min(2 ** 32 - 2, Math.max(65_536, Math.floor((Date.now() - generation + hours * HOUR) / 16)))

/** Returns whether two alive records of one key have different bodies (chapter 6). */
const isOtherBody = (a, b) => a.status === ALIVE && compareKeys(a, b) === 0 && compareRecords(a, b) !== 0

/**
 * A running peer. It passes its events to `tell`, and its exit code to `onExit` after all connections are closed.
 *
 * Methods are arrow functions, so that they can be passed as callbacks.
 */
class Peer {
  records = new Map() // by name, the greatest record
  members = new Map() // by name, the record of the generation that this peer met; other records are candidates or tombstones
  links = new Map() // by name, the connection that is up
  connections = new Set() // all connections, including those in their handshake
  dialing = new Map() // by name, the generation that is being dialed
  avoided = new Set() // names of peers that must not be dialed
  probes = new Map() // by id, the timeout of each indirect probe
  lastEpoch = 0 // epoch of the last connection
  nextPing = 0 // number of the next heartbeat
  lastProbe = 0 // id of the last indirect probe
  instance = randomInt(2 ** 47) // number of this process
  isLeaving = false
  exitCode = undefined
  lastTick = Date.now() // time of the last tick
  nextSeedDial = 0 // time of the next dial of the seed

  constructor({ label, onExit, seed, self, tell }) {
    Object.assign(this, { label, onExit, seed, self, tell })
    this.timer = setInterval(this.tick, 1000)
    this.tick()
  }

  view = () => [this.self, ...this.members.values()]
  viewHash = () => Codec.viewHash(this.view())
  send = (link, _tag, body = {}) => {
    if (link.saidBye) return
    link.lastWritten = Date.now()
    link.socket.write(Codec.encodeFrame({ _tag, ...body }))
  }
  sendBye = (link, code, message = "") => {
    this.send(link, "Bye", { code, message: message.slice(0, 128) })
    link.saidBye = true
    link.why ??= code
    link.socket.end()
    setTimeout(() => link.socket.destroy(), 1000).unref()
  }

  broadcast = (record) => this.links.forEach((link) => this.send(link, "Update", { records: [record] }))

  // Chapter 11: records of this peer (R7, R8) and of other peers.
  refute = ({ generation, incarnation, status }) => {
    if (this.isLeaving || generation < this.self.generation || generation > Date.now() + 24 * HOUR) return
    if (generation > this.self.generation) return // for a peer that does not listen, only a refusal proves this claim
    const ahead = incarnation - this.self.incarnation
    if (ahead < (status === ALIVE ? 1 : 0) || incarnation > greatest(this.self.generation, 96)) return
    this.self.incarnation = incarnation + 1
    this.broadcast(this.self)
  }
  storeRecord = (record, isMet) => {
    const { name, generation, incarnation, status } = record
    const wasMet = isMet || this.members.get(name)?.generation === generation
    if (!(this.records.get(name)?.generation > generation)) this.records.set(name, record)
    if (status === LEFT) {
      if (!(this.members.get(name)?.generation > generation)) this.members.delete(name)
      setTimeout(() => this.records.get(name) === record && this.records.delete(name), HOUR).unref()
    } else if (wasMet) this.members.set(name, record)
    if (wasMet) this.tell({ event: "member", name, status: STATUS[status], incarnation })
  }
  mergeRecord = (said, from) => {
    const { name, generation, incarnation, status } = said
    if (name === this.self.name) return this.refute(isOtherBody(said, this.self) ? { ...said, status: SUSPECT } : said)
    const held = this.records.get(name)
    const link = this.links.get(name)
    const isHeld = held?.generation === generation && held.incarnation === incarnation
    const isAccusation = status !== ALIVE && status !== LEFT
    const record =
      status === LEFT ? { ...said, body: EMPTY } : isHeld && isAccusation ? { ...said, body: held.body } : said
    if (status === LEFT && link) return link.generation === generation && this.send(link, "YouAre", keyOf(record))
    const most = status === ALIVE ? greatest(generation, 72) : Math.min(2 ** 32 - 3, greatest(generation, 48))
    if (name !== from.name && (generation > Date.now() + 24 * HOUR || incarnation > most)) return
    if (held && link?.generation === generation && isOtherBody(record, held)) {
      this.send(link, "Update", { records: [name === from.name ? held : record] })
      return name === from.name ? this.storeRecord(record) : undefined
    }
    if (held ? compareRecords(record, held) <= 0 : this.records.size >= 4096) return
    this.storeRecord(record)
    if (link?.generation !== generation) this.dialPeer(name)
    else if (status !== ALIVE) this.send(link, "YouAre", keyOf(record))
    if (this.members.has(name) || status === LEFT) return
    setTimeout(
      () => this.members.has(name) || this.records.get(name)?.status === LEFT || this.records.delete(name),
      30_000,
    ).unref()
  }
  markLeft = ({ name, generation }) => {
    const { incarnation } = this.members.get(name) ?? this.records.get(name)
    this.storeRecord({ name, generation, incarnation, status: LEFT, body: EMPTY })
  }

  /**
   * R3: sends an indirect probe to three other members, and suspects the member if none of them reaches it in a second.
   */
  probeIndirectly = (name) => {
    const { generation, status } = this.members.get(name) ?? {}
    const others = [...this.links.values()].filter((link) => link.name !== name).sort(() => Math.random() - 0.5)
    if (status !== ALIVE) return
    const id = ++this.lastProbe
    const request = { id, target: name, generation, deadline: 500 }
    for (const link of others.slice(0, 3)) this.send(link, "ProbeRequest", request)
    const onTimeout = () => this.probes.delete(id) && this.accuse(name, SUSPECT)
    this.probes.set(id, setTimeout(onTimeout, others.length > 0 ? 1000 : 0).unref())
  }
  /** R4, R5: suspects a member without a link, and marks it as failed after the maximum time of a suspicion. */
  accuse = (name, status) => {
    const record = { ...this.members.get(name), status, by: this.self.name }
    if (this.links.has(name) || !this.members.has(name) || status < this.members.get(name).status) return
    this.storeRecord(record)
    this.broadcast(record)
    if (status !== SUSPECT) return
    setTimeout(() => this.members.get(name) === record && this.accuse(name, FAILED), 12_000).unref()
  }
  /** R1, R3: dials the addresses of a peer in turn, the first time without delay and then with backoff. */
  dialPeer = (name, tries = 0) => {
    const { generation, status, body = EMPTY } = this.records.get(name) ?? {}
    const [count, isLinked] = [body.addresses.length, this.links.get(name)?.generation >= generation]
    const isDialed = this.dialing.get(name) >= generation
    if (this.isLeaving || status === LEFT || count === 0 || isLinked || isDialed || this.avoided.has(name)) return
    if (tries > 0 && tries % count === 0) this.probeIndirectly(name)
    this.dialing.set(name, generation)
    const isWanted = () => this.dialing.get(name) === generation
    const again = () => isWanted() && this.dialing.delete(name) && this.dialPeer(name, tries + 1)
    const now = () => isWanted() && this.dialAddress(body.addresses[tries % count], name, again)
    const most = tries < count ? 0 : Math.min(60_000, 1000 * 2 ** (tries - count))
    setTimeout(now, Math.random() * most)
  }

  // Chapters 8, 9 and 14: the life of a connection.
  dialAddress = (address, expected, onFailed) => {
    if (this.isLeaving) return
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address)
    const socket = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true })
    const link = {
      socket,
      address,
      expected,
      onFailed,
      lastHeard: Date.now(),
      reader: Codec.makeReader(),
      state: "greeted",
    }
    Object.assign(link, { allowance: WINDOW, confirms: 0, parts: undefined, lanes: new Map(), digest: new Map() })
    this.connections.add(link)
    setTimeout(() => link.state === "up" || socket.destroy(), 3000).unref()
    link.closed = new Promise((resolve) => socket.on("close", resolve)).then(() => this.onClosed(link))
    socket.on("error", () => {}) // "close" follows
    socket.on("end", () => socket.end())
    socket.on("drain", () => this.flush(link))
    socket.on("connect", () => {
      const { localAddress, localPort, remoteAddress, remotePort } = socket
      if (localPort === remotePort && localAddress === remoteAddress) return socket.resetAndDestroy() // Chapter 2
      const greeting = {
        record: this.self,
        instance: this.instance,
        viewHash: this.viewHash(),
        window: WINDOW,
        linkTimeout: LINK_TIMEOUT,
        dialedAddress: address,
      }
      this.send(link, "Hello", {
        magic: "COTERIE",
        versionMin: 1,
        versionMax: 1,
        label: this.label,
        linkEpoch: ++this.lastEpoch,
        ...greeting,
      })
    })
    socket.on("data", (chunk) => {
      link.lastHeard = Date.now()
      try {
        if (!link.broken) for (const frame of link.reader.push(chunk)) this.handlersByState[link.state](link, frame)
      } catch (violation) {
        link.broken = true
        if (link.state === "up" && violation instanceof ProtocolViolation)
          this.sendBye(link, violation.code, violation.message)
        else socket.destroy(violation)
      }
    })
  }
  onClosed = (link) => {
    this.connections.delete(link)
    clearInterval(link.heartbeats)
    if (link.state !== "up") link.onFailed()
    else if (this.links.get(link.name) === link) {
      this.links.delete(link.name)
      this.tell({ event: "down", peer: link.name, why: link.why ?? "lost" })
      this.dialPeer(link.name)
    }
    this.finishWhenAcknowledged()
  }
  onRejected = (link, { code, message, atLeastGeneration = 0 }) => {
    link.socket.destroy()
    const isOne = ["label", "version", "denied"].includes(code)
    if (atLeastGeneration > this.self.generation) {
      if (this.links.size === 0 && this.members.has(link.expected)) this.stop("superseded", `${code}: ${message}`)
      if (this.members.size > 0) return
      this.self.generation = atLeastGeneration
      this.nextSeedDial = 0
    } else if (atLeastGeneration > 0) return // an answer to an earlier Hello
    else if (isOne && this.links.size > 0) this.avoided.add(link.expected)
    else if (code !== "busy" && code !== "self") this.stop("superseded", `${code}: ${message}`)
  }
  onUp = (link, { incarnation, youAre, viewHash: theirs }) => {
    const { name, generation } = link
    if (incarnation < link.record.incarnation) malformed("an incarnation that decreases")
    if (this.links.has(name)) this.sendBye(this.links.get(name), "replaced")
    link.reader.budget = Infinity
    link.state = "up"
    this.send(link, "LaneOpen", { lanes: [], last: true })
    this.links.set(name, link)
    link.heartbeats = setInterval(this.beat, link.interval, link)
    this.dialing.delete(name)
    const record = { ...link.record, incarnation }
    const held = this.records.get(name)
    const isBehind = held?.generation === generation && compareKeys(held, record) > 0
    this.storeRecord(isBehind && held.status !== LEFT ? held : record, true)
    if (isBehind || (held && isOtherBody(held, record))) this.send(link, "Update", { records: [held] })
    this.tell({ event: "up", peer: name })
    if (youAre) this.refute(youAre)
    if (compareNames(this.self.name, name) > 0 || theirs === this.viewHash()) return
    const entries = this.view().map((record) => ({ name: record.name, ...keyOf(record) }))
    for (let i = 0; i < entries.length; i += 256) {
      this.send(link, "SyncDigest", { entries: entries.slice(i, i + 256), last: i + 256 >= entries.length })
    }
  }
  handlersByState = {
    greeted: (link, frame) => {
      if (frame._tag === "HelloReject") return this.onRejected(link, frame)
      if (frame._tag !== "HelloAck") return link.socket.destroy()
      const { linkTimeout, record, window, version, youAre } = frame
      const { name, generation, status } = record
      const isOther = name !== this.self.name && name === (link.expected ?? name) && status === ALIVE
      const isTwice = [...this.connections].some((other) => other.name === name && other.generation >= generation)
      const held = this.records.get(name)
      const newer = this.members.get(name)
      if (newer?.generation > generation && newer.status !== FAILED) {
        const atLeastGeneration = newer.generation + 1
        this.send(link, "HelloReject", { code: "stale", message: "this generation has ended", atLeastGeneration })
        return link.socket.end()
      }
      if (linkTimeout < 100) {
        this.send(link, "HelloReject", { code: "denied", message: "the link timeout is too short" })
        return link.socket.end()
      }
      if (youAre?.status === LEFT && this.members.size === 0) {
        this.self.generation = Math.max(this.self.generation, youAre.generation + 1)
        this.nextSeedDial = 0
        return link.socket.destroy()
      }
      if (!isOther || isTwice || version !== 1 || window < 1024) return link.socket.destroy()
      Object.assign(link, {
        state: "committed",
        name,
        generation,
        record,
        interval: Math.min(HEARTBEAT, linkTimeout / 3),
      })
      this.openLane(link, { lane: 0, window })
      if (youAre) this.refute(youAre)
      const belief = held?.generation === generation ? { youAre: keyOf(held) } : {}
      return this.send(link, "Ready", { incarnation: this.self.incarnation, viewHash: this.viewHash(), ...belief })
    },
    committed: (link, frame) => {
      if (frame._tag === "Ready") return this.onUp(link, frame)
      return frame._tag === "HelloReject" ? this.onRejected(link, frame) : link.socket.destroy()
    },
    up: (link, frame) => {
      if (!(frame._tag in this.frameHandlers)) throw new ProtocolViolation("unexpectedFrame")
      this.frameHandlers[frame._tag](link, frame)
    },
  }

  // Chapter 10: messages. A complete message is printed at once, so nothing is queued. This peer reads its inbox only.
  onData = (link, { lane, first, last, abort, confirm, payload, total = payload.length }) => {
    const cost = abort ? 0 : payload.length + 64
    if (lane !== 0) throw new ProtocolViolation("laneUnknown")
    if (cost > link.allowance) throw new ProtocolViolation("creditExceeded")
    if (first !== (link.parts === undefined)) malformed("a message within another, or a fragment without a first")
    if (first && total > LARGEST) throw new ProtocolViolation("oversize")
    if (first) Object.assign(link, { parts: [], missing: total, confirm })
    if (confirm !== undefined && confirm !== (link.confirms = (link.confirms + 1) >>> 0)) malformed("a number left out")
    if (!last && !abort && payload.length < 448) malformed("a small fragment")
    link.allowance -= cost
    link.missing -= payload.length
    link.parts.push(payload)
    if (link.missing < 0 || (last && link.missing > 0)) malformed("a total that is not met")
    if (last) this.tell({ event: "message", from: link.name, text: Buffer.concat(link.parts).toString() })
    if (last && link.confirm !== undefined) this.send(link, "Taken", { lane, id: link.confirm })
    if (last || abort) link.parts = undefined
    if (WINDOW - link.allowance < WINDOW / 2) return
    this.send(link, "Credit", { lane, bytes: WINDOW - link.allowance })
    link.allowance = WINDOW
  }
  /** Sends a message to the inbox of each peer, or to the peers that read the lane of the name. */
  sendToAll = (message, name) => {
    const total = message.length
    for (const link of this.links.values()) {
      const to = [...link.lanes.values()].find((lane) => lane.name === name)
      const most = Math.min(65_536, Math.floor(to?.window / 2) - 64)
      for (let at = 0; to && at < total; at += most) {
        const payload = message.subarray(at, at + most)
        to.outbox.push({ lane: to.lane, first: at === 0, last: at + most >= total, payload, total })
      }
      this.flush(link)
    }
  }
  /** Writes a frame of each lane in turn until the credit or the buffer of the socket is used up. */
  flush = (link) => {
    const mayGo = ({ credit, outbox }) => outbox.length > 0 && outbox[0].payload.length + 64 <= credit
    for (let turn; (turn = [...link.lanes.values()].filter(mayGo)).length > 0;) {
      for (const lane of turn) {
        if (link.socket.writableLength >= 65_536) return
        lane.credit -= lane.outbox[0].payload.length + 64
        this.send(link, "Data", lane.outbox.shift())
      }
    }
  }
  /** Adds a lane that the other side reads. */
  openLane = (link, { lane, name, window }) => {
    if ([...link.lanes.values()].some((other) => other.lane === lane || other.name === name)) malformed("open already")
    if (link.lanes.size > 4096) throw new ProtocolViolation("oversize")
    link.lanes.set(lane, { lane, name, window, credit: window, outbox: [] })
  }
  laneOf = (link, number) => {
    if (!link.lanes.has(number)) throw new ProtocolViolation("laneUnknown")
    return link.lanes.get(number)
  }

  // Chapter 12: anti-entropy.
  sendDelta = (link, records, want) => {
    for (let i = 0; i === 0 || i * 16 < records.length || i * 1024 < want.length; i++) {
      const part = { records: records.slice(i * 16, i * 16 + 16), want: want.slice(i * 1024, i * 1024 + 1024) }
      this.send(link, "SyncDelta", part)
    }
  }
  answerDigest = (link, theirs) => {
    if (theirs.has(this.self.name)) this.refute(theirs.get(this.self.name))
    const tombstones = [...this.records.values()].filter(({ name, status }) => status === LEFT && theirs.has(name))
    const isNews = (held) => !theirs.has(held.name) || compareKeys(held, theirs.get(held.name)) > 0
    const isWanted = (key) =>
      key.name !== this.self.name && !(this.records.has(key.name) && compareKeys(key, this.records.get(key.name)) <= 0)
    const want = [...theirs.values()].filter(isWanted).map(({ name }) => name)
    this.sendDelta(link, [...this.view(), ...tombstones].filter(isNews), want)
  }
  frameHandlers = {
    Ping: (link, { seq }) => this.send(link, "Pong", { seq, viewHash: this.viewHash(), lag: 0 }),
    Pong: () => {},
    Data: this.onData,
    Credit: (link, { lane, bytes }) => {
      const to = this.laneOf(link, lane)
      to.credit += bytes
      if (bytes === 0 || to.credit > to.window) malformed("credit of nothing, or beyond the window")
      this.flush(link)
    },
    Taken: (link, { lane }) => {
      this.laneOf(link, lane)
      malformed("Taken without an acknowledged send")
    },
    LaneOpen: (link, { lanes }) => {
      for (const each of lanes) this.openLane(link, each)
      for (const { name } of lanes) this.tell({ event: "open", peer: link.name, lane: name })
    },
    LaneClose: (link, { lane }) => {
      const { name } = this.laneOf(link, lane)
      link.lanes.delete(lane)
      this.send(link, "LaneClosed", { lane })
      this.tell({ event: "closed", peer: link.name, lane: name })
    },
    LaneClosed: () => {
      throw new ProtocolViolation("laneUnknown")
    },
    Update: (link, { records }) => records.forEach((record) => this.mergeRecord(record, link)),
    YouAre: (_link, belief) => this.refute(belief),
    ProbeRequest: (link, { id, target, generation }) => {
      const isHere = target === this.self.name && generation === this.self.generation
      const [own, member] = [this.links.get(target), this.members.get(target)]
      const isUp = isHere || (own?.generation === generation && Date.now() - own.lastHeard < 1000)
      const isPast = target === this.self.name && generation < this.self.generation
      if (isPast) this.send(link, "Update", { records: [this.self] })
      const isKnown = isPast || member?.generation >= generation
      this.send(link, "ProbeResult", { id, verdict: isUp ? "up" : isKnown ? "down" : "unknown" })
    },
    ProbeResult: (_link, { id, verdict }) => {
      if (verdict !== "up") return
      clearTimeout(this.probes.get(id))
      this.probes.delete(id)
    },
    SyncDigest: (link, { entries, last }) => {
      for (const key of entries) if (!link.digest.has(key.name)) link.digest.set(key.name, key)
      if (link.digest.size > 16_384) malformed("a digest without end")
      if (!last) return
      this.answerDigest(link, link.digest)
      link.digest = new Map()
    },
    SyncDelta: (link, { records, want }) => {
      for (const record of records) this.mergeRecord(record, link)
      const wanted = want.flatMap((name) => (name === this.self.name ? this.self : (this.records.get(name) ?? [])))
      if (want.length > 0) this.sendDelta(link, wanted, [])
    },
    Leave: (link, { generation }) => {
      if (generation !== link.generation) return
      this.send(link, "LeaveAck", { generation })
      this.markLeft(link)
    },
    LeaveAck: (link) => {
      link.owesAck = false
      this.finishWhenAcknowledged()
    },
    Bye: (link, { code }) => {
      link.why = code
      if (code === "left" || code === "superseded") this.markLeft(link)
      if (code === "parted") this.avoided.add(link.name)
      link.saidBye = true
      link.socket.end()
    },
  }

  // Chapters 9 and 11: heartbeats, and dials of the seed (R11).
  beat = (link) => {
    if (compareNames(this.self.name, link.name) > 0 && Date.now() - link.lastWritten < link.interval / 4) return
    this.send(link, "Ping", { seq: this.nextPing++, viewHash: this.viewHash(), lag: 0 })
  }
  tick = () => {
    const late = Date.now() - this.lastTick - 1000
    this.lastTick = Date.now()
    for (const link of this.links.values()) {
      if (late > 250) link.lastHeard += late
      if (this.lastTick - link.lastHeard > LINK_TIMEOUT) this.sendBye(link, "silent")
    }
    const isThere = [...this.links.values()].some(
      (link) => link.address === this.seed || link.record.body.addresses.includes(this.seed),
    )
    if (this.isLeaving || isThere || this.lastTick < this.nextSeedDial) return
    this.nextSeedDial = this.lastTick + (this.links.size > 0 ? 30_000 : 5000)
    this.dialAddress(this.seed, undefined, () => {})
  }

  // Chapter 13: leaving.
  finish = (code, status = 0) => {
    clearInterval(this.timer)
    if (this.exitCode !== undefined) return
    this.isLeaving = true
    this.exitCode = status
    for (const link of this.connections) {
      if (link.state === "up") this.sendBye(link, code)
      else link.socket.destroy()
    }
    Promise.all([...this.connections].map(({ closed }) => closed)).then(() => this.onExit(this.exitCode))
  }
  stop = (code, why) => {
    this.tell({ event: "stopped", why })
    this.finish(code, 1)
  }
  finishWhenAcknowledged = () => {
    if (this.isLeaving && ![...this.links.values()].some(({ owesAck }) => owesAck)) this.finish("left")
  }
  leave = () => {
    if (this.isLeaving) return
    this.isLeaving = true
    setTimeout(this.finish, 5000, "left")
    for (const link of this.connections) {
      link.owesAck = link.state === "up"
      if (link.owesAck) this.send(link, "Leave", { generation: this.self.generation })
      else link.socket.destroy()
    }
    this.finishWhenAcknowledged()
  }
}

const main = (args) => {
  const option = (name) => args[args.indexOf(`--${name}`) + 1] ?? ""
  const [name, label, seed] = [option("name"), option("cluster"), option("join")]
  if (!Codec.isName(name) || !Codec.isName(label)) throw new Error("--name and --cluster take 1 to 128 bytes of text")
  if (!Codec.isAddress(seed)) throw new Error("--join takes HOST:PORT")
  const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
  const self = { name, generation: Date.now(), incarnation: 0, status: ALIVE, body: EMPTY }
  const peer = new Peer({ label, onExit: (code) => process.exit(code), seed, self, tell })
  let rest = ""
  process.stdin.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop()
    for (const line of lines) {
      const [, lane, text] = /^publish (\S+) (.*)$/.exec(line) ?? []
      if (line.startsWith("say ")) peer.sendToAll(Buffer.from(line.slice(4)))
      if (lane) peer.sendToAll(Buffer.from(text), lane)
      if (line === "leave") peer.leave()
    }
  })
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, peer.leave)
  process.stdin.on("end", peer.leave)
}

// An importing module uses only the codec.
if (process.argv[1] === import.meta.filename) main(process.argv.slice(2))
