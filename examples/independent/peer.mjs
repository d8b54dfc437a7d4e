/**
 * A member of a Coterie cluster in plain JavaScript, written from docs/protocol.md alone, whose chapters are named below:
 * `node peer.mjs --name mini --cluster hello --join 127.0.0.1:7946`. It does not listen, but dials all that it hears of.
 * It prints JSON, one object a line, and reads `say TEXT`, `publish LANE TEXT` and `leave` from its standard input.
 */
import { connect } from "node:net"
import * as Codec from "./codec.mjs"

export * from "./codec.mjs"

const { ALIVE, FAILED, LEFT, STATUS, SUSPECT } = Codec
const { Fault, compareKeys, compareNames, compareRecords, keyOf, malformed } = Codec

const HOUR = 3_600_000
const WINDOW = 262_144
const LARGEST = 16_777_216
const EMPTY = { addresses: [], metadata: {}, versionMin: 1, versionMax: 1, features: [] }

/** Starts a peer. `tell` gets what happens, `ended` the exit code. */
const start = (self, label, seed, tell, ended) => {
  const known = new Map() // the greatest record of each name
  const members = new Map() // that of the life that was met; who is only known is a candidate, or left
  const links = new Map() // what is up, by name
  const sockets = new Set() // every link, those in their handshake too
  const calls = new Map() // the generation of each name that is being dialed
  const avoided = new Set() // names that are not to be dialed
  const asked = new Map() // by the number of a question, what an `up` is the end of
  let [epoch, seq, question, leaving, exit, beat, seedAt] = [0, 0, 0, false, undefined, Date.now(), 0]

  const view = () => [self, ...members.values()]
  const viewHash = () => Codec.viewHash(view())
  const send = (link, _tag, body = {}) => link.saidBye || link.socket.write(Codec.encodeFrame({ _tag, ...body }))
  const bye = (link, code, message = "") => {
    send(link, "Bye", { code, message: message.slice(0, 128) })
    link.saidBye = true
    link.why ??= code
    link.socket.end()
    setTimeout(() => link.socket.destroy(), 1000).unref()
  }

  const spread = (record) => links.forEach((link) => send(link, "Update", { records: [record] }))

  // Chapter 11: what is said about this peer (R7, R8) and about others.
  const accused = ({ generation, incarnation, status }) => {
    if (leaving || generation < self.generation || generation > Date.now() + 24 * HOUR) return
    if (generation > self.generation) return stop("superseded", "its name lives at a higher generation")
    if (status === LEFT) return stop("left", "evicted")
    const ahead = incarnation - self.incarnation
    if (ahead < (status === ALIVE ? 1 : 0) || ahead > 65_536) return
    self.incarnation = incarnation + 1
    spread(self)
  }
  const keep = (record, isMet) => {
    const { name, generation, incarnation, status } = record
    const wasMet = isMet || members.get(name)?.generation === generation
    if (!(known.get(name)?.generation > generation)) known.set(name, record)
    if (status === LEFT) {
      if (!(members.get(name)?.generation > generation)) members.delete(name)
      setTimeout(() => known.get(name) === record && known.delete(name), HOUR).unref()
    } else if (wasMet) members.set(name, record)
    if (wasMet) tell({ event: "member", name, status: STATUS[status], incarnation })
  }
  const hear = (said, from) => {
    const { name, generation, incarnation, status } = said
    if (name === self.name) return accused(said)
    const record = status === LEFT ? { ...said, body: EMPTY } : said
    const held = known.get(name)
    const most = held?.generation === generation ? held.incarnation + 65_536 : Infinity
    if (name !== from.name && (generation > Date.now() + 24 * HOUR || incarnation > most)) return
    if (held ? compareRecords(record, held) <= 0 : known.size >= 4096) return
    keep(record)
    const link = links.get(name)
    if (link?.generation !== generation) call(name)
    else if (status !== ALIVE) send(link, "YouAre", keyOf(record))
    if (members.has(name) || status === LEFT) return
    setTimeout(() => members.has(name) || known.get(name)?.status === LEFT || known.delete(name), 30_000).unref()
  }
  const gone = ({ name, generation }) => {
    const { incarnation } = members.get(name) ?? known.get(name)
    keep({ name, generation, incarnation, status: LEFT, body: EMPTY })
  }

  /** R3: asks three others whether they reach a member; if nobody does within a second, it is accused. */
  const doubt = (name) => {
    const { generation, status } = members.get(name) ?? {}
    const others = [...links.values()].filter((link) => link.name !== name).sort(() => Math.random() - 0.5)
    if (status !== ALIVE) return
    const id = ++question
    for (const link of others.slice(0, 3)) send(link, "ProbeRequest", { id, target: name, generation, deadline: 500 })
    const nobodyDoes = () => asked.delete(id) && accuse(name, SUSPECT)
    asked.set(id, setTimeout(nobodyDoes, others.length > 0 ? 1000 : 0).unref())
  }
  /** R4, R5: says that it cannot reach a member, and after the longest time that a suspicion may last that it failed. */
  const accuse = (name, status) => {
    const record = { ...members.get(name), status, by: self.name }
    if (links.has(name) || !members.has(name) || status < members.get(name).status) return
    keep(record)
    spread(record)
    if (status === SUSPECT) setTimeout(() => members.get(name) === record && accuse(name, FAILED), 12_000).unref()
  }
  /** R1, R3: dials one address of a peer after the other, once without delay and then again and again. */
  const call = (name, tries = 0) => {
    const { generation, status, body = EMPTY } = known.get(name) ?? {}
    const [count, isLinked] = [body.addresses.length, links.get(name)?.generation >= generation]
    if (leaving || status === LEFT || count === 0 || isLinked || calls.get(name) >= generation || avoided.has(name))
      return
    if (tries > 0 && tries % count === 0) doubt(name)
    calls.set(name, generation)
    const isWanted = () => calls.get(name) === generation
    const again = () => isWanted() && calls.delete(name) && call(name, tries + 1)
    const now = () => isWanted() && dial(body.addresses[tries % count], name, again)
    const most = tries < count ? 0 : Math.min(60_000, 1000 * 2 ** (tries - count))
    setTimeout(now, Math.random() * most)
  }

  // Chapters 8, 9 and 14: the life of a connection.
  const dial = (address, expected, failed) => {
    if (leaving) return
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address)
    const socket = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true })
    const link = { socket, address, expected, failed, heard: Date.now(), reader: Codec.makeReader(), state: "greeted" }
    Object.assign(link, { allowance: WINDOW, confirms: 0, parts: undefined, lanes: new Map(), digest: new Map() })
    sockets.add(link)
    setTimeout(() => link.state === "up" || socket.destroy(), 3000).unref()
    link.closed = new Promise((resolve) => socket.on("close", resolve)).then(() => closed(link))
    socket.on("error", () => {}) // "close" follows
    socket.on("end", () => socket.end())
    socket.on("drain", () => pump(link))
    socket.on("connect", () => {
      const greeting = { record: self, viewHash: viewHash(), window: WINDOW, dialedAddress: address }
      send(link, "Hello", { magic: "COTERIE", versionMin: 1, versionMax: 1, label, linkEpoch: ++epoch, ...greeting })
    })
    socket.on("data", (chunk) => {
      link.heard = Date.now()
      try {
        if (!link.broken) for (const frame of link.reader.push(chunk)) receive[link.state](link, frame)
      } catch (fault) {
        link.broken = true
        if (link.state === "up" && fault instanceof Fault) bye(link, fault.code, fault.message)
        else socket.destroy(fault)
      }
    })
  }
  const closed = (link) => {
    sockets.delete(link)
    if (link.state !== "up") link.failed()
    else if (links.get(link.name) === link) {
      links.delete(link.name)
      tell({ event: "down", peer: link.name, why: link.why ?? "lost" })
      call(link.name)
    }
    acknowledged()
  }
  const refused = (link, { code, message, atLeastGeneration = 0 }) => {
    link.socket.destroy()
    const isOne = ["label", "version", "denied", "parted"].includes(code)
    if (code === "stale" && members.size === 0) {
      self.generation = Math.max(self.generation + 1, atLeastGeneration)
      seedAt = 0
    } else if (isOne && links.size > 0) avoided.add(link.expected)
    else if (code !== "busy" && code !== "self") stop("superseded", `${code}: ${message}`)
  }
  const up = (link, { incarnation, youAre, viewHash: theirs }) => {
    const { name, generation } = link
    if (incarnation < link.record.incarnation) malformed("an incarnation that falls")
    if (links.has(name)) bye(links.get(name), "replaced")
    link.reader.budget = Infinity
    link.state = "up"
    send(link, "LaneOpen", { lanes: [], last: true })
    links.set(name, link)
    calls.delete(name)
    const record = { ...link.record, incarnation }
    const held = known.get(name)
    const isBehind = held?.generation === generation && compareRecords(held, record) > 0
    keep(isBehind ? held : record, true)
    if (isBehind) send(link, "Update", { records: [held] })
    tell({ event: "up", peer: name })
    if (youAre) accused(youAre)
    if (compareNames(self.name, name) > 0 || theirs === viewHash()) return
    const entries = view().map((record) => ({ name: record.name, ...keyOf(record) }))
    for (let i = 0; i < entries.length; i += 256) {
      send(link, "SyncDigest", { entries: entries.slice(i, i + 256), last: i + 256 >= entries.length })
    }
  }
  const receive = {
    greeted(link, frame) {
      if (frame._tag === "HelloReject") return refused(link, frame)
      if (frame._tag !== "HelloAck") return link.socket.destroy()
      const { record, window, version, youAre } = frame
      const { name, generation, status } = record
      const isOther = name !== self.name && name === (link.expected ?? name) && status === ALIVE
      const isTwice = [...sockets].some((other) => other.name === name && other.generation >= generation)
      const held = known.get(name)
      const isPast = held?.generation > generation || (held?.generation === generation && held.status === LEFT)
      if (isPast) {
        const more = held.generation > generation ? { atLeastGeneration: held.generation + 1 } : {}
        send(link, "HelloReject", { code: more.atLeastGeneration ? "stale" : "evicted", message: "over", ...more })
        return link.socket.end()
      }
      if (!isOther || isTwice || version !== 1 || window < 1024) return link.socket.destroy()
      Object.assign(link, { state: "committed", name, generation, record })
      openLane(link, { lane: 0, window })
      if (youAre) accused(youAre)
      const belief = held?.generation === generation ? { youAre: keyOf(held) } : {}
      return send(link, "Ready", { incarnation: self.incarnation, viewHash: viewHash(), ...belief })
    },
    committed(link, frame) {
      if (frame._tag === "Ready") return up(link, frame)
      return frame._tag === "HelloReject" ? refused(link, frame) : link.socket.destroy()
    },
    up(link, frame) {
      if (!(frame._tag in on)) throw new Fault("unexpectedFrame")
      on[frame._tag](link, frame)
    },
  }

  // Chapter 10: messages. What is complete is printed at once, so nothing is ever queued. This peer reads its inbox only.
  const take = (link, { lane, first, last, abort, confirm, payload, total = payload.length }) => {
    const cost = abort ? 0 : payload.length + 64
    if (lane !== 0) throw new Fault("laneUnknown")
    if (cost > link.allowance) throw new Fault("creditExceeded")
    if (first !== (link.parts === undefined)) malformed("a message within another, or a fragment without a first")
    if (first && total > LARGEST) throw new Fault("oversize")
    if (first) Object.assign(link, { parts: [], missing: total, confirm })
    if (confirm !== undefined && confirm !== (link.confirms = (link.confirms + 1) >>> 0)) malformed("a number left out")
    if (!last && !abort && payload.length < 448) malformed("a small fragment")
    link.allowance -= cost
    link.missing -= payload.length
    link.parts.push(payload)
    if (link.missing < 0 || (last && link.missing > 0)) malformed("a total that is not met")
    if (last) tell({ event: "message", from: link.name, text: Buffer.concat(link.parts).toString() })
    if (last && link.confirm !== undefined) send(link, "Taken", { lane, id: link.confirm })
    if (last || abort) link.parts = undefined
    if (WINDOW - link.allowance < WINDOW / 2) return
    send(link, "Credit", { lane, bytes: WINDOW - link.allowance })
    link.allowance = WINDOW
  }
  /** Sends to the inbox of each peer, or to those who read a lane of this name. */
  const say = (message, name) => {
    const total = message.length
    for (const link of links.values()) {
      const to = [...link.lanes.values()].find((lane) => lane.name === name)
      const most = Math.min(65_536, Math.floor(to?.window / 2) - 64)
      for (let at = 0; to && at < total; at += most) {
        const payload = message.subarray(at, at + most)
        to.outbox.push({ lane: to.lane, first: at === 0, last: at + most >= total, payload, total })
      }
      pump(link)
    }
  }
  /** Writes a frame of each lane in turn, as far as credit and the network go. */
  const pump = (link) => {
    const mayGo = ({ credit, outbox }) => outbox.length > 0 && outbox[0].payload.length + 64 <= credit
    for (let turn; (turn = [...link.lanes.values()].filter(mayGo)).length > 0;) {
      for (const lane of turn) {
        if (link.socket.writableLength >= 65_536) return
        lane.credit -= lane.outbox[0].payload.length + 64
        send(link, "Data", lane.outbox.shift())
      }
    }
  }
  /** What the other side reads. */
  const openLane = (link, { lane, name, window }) => {
    if ([...link.lanes.values()].some((other) => other.lane === lane || other.name === name)) malformed("open already")
    if (link.lanes.size > 4096) throw new Fault("oversize")
    link.lanes.set(lane, { lane, name, window, credit: window, outbox: [] })
  }
  const laneOf = (link, number) => {
    if (!link.lanes.has(number)) throw new Fault("laneUnknown")
    return link.lanes.get(number)
  }

  // Chapter 12: what either side lacks.
  const delta = (link, records, want) => {
    for (let i = 0; i === 0 || i * 16 < records.length || i * 1024 < want.length; i++) {
      const part = { records: records.slice(i * 16, i * 16 + 16), want: want.slice(i * 1024, i * 1024 + 1024) }
      send(link, "SyncDelta", part)
    }
  }
  const answer = (link, theirs) => {
    if (theirs.has(self.name)) accused(theirs.get(self.name))
    const buried = [...known.values()].filter(({ name, status }) => status === LEFT && theirs.has(name))
    const isNews = (held) => !theirs.has(held.name) || compareKeys(held, theirs.get(held.name)) > 0
    const isWanted = (key) =>
      key.name !== self.name && !(known.has(key.name) && compareKeys(key, known.get(key.name)) <= 0)
    const want = [...theirs.values()].filter(isWanted).map(({ name }) => name)
    delta(link, [...view(), ...buried].filter(isNews), want)
  }
  const on = {
    Ping: (link, { seq }) => send(link, "Pong", { seq, viewHash: viewHash(), lag: 0 }),
    Pong: () => {},
    Data: take,
    Credit(link, { lane, bytes }) {
      const to = laneOf(link, lane)
      to.credit += bytes
      if (bytes === 0 || to.credit > to.window) malformed("credit of nothing, or beyond the window")
      pump(link)
    },
    Taken(link, { lane }) {
      laneOf(link, lane)
      malformed("nothing is to be confirmed")
    },
    LaneOpen(link, { lanes }) {
      for (const each of lanes) openLane(link, each)
      for (const { name } of lanes) tell({ event: "open", peer: link.name, lane: name })
    },
    LaneClose(link, { lane }) {
      const { name } = laneOf(link, lane)
      link.lanes.delete(lane)
      send(link, "LaneClosed", { lane })
      tell({ event: "closed", peer: link.name, lane: name })
    },
    LaneClosed: () => {
      throw new Fault("laneUnknown")
    },
    Update: (link, { records }) => records.forEach((record) => hear(record, link)),
    YouAre: (_link, belief) => accused(belief),
    ProbeRequest(link, { id, target, generation }) {
      const isHere = target === self.name && generation === self.generation
      const [own, member] = [links.get(target), members.get(target)]
      const isUp = isHere || (own?.generation === generation && Date.now() - own.heard < 1000)
      const isKnown = member?.generation >= generation
      send(link, "ProbeResult", { id, verdict: isUp ? "up" : isKnown ? "down" : "unknown" })
    },
    ProbeResult(_link, { id, verdict }) {
      if (verdict !== "up") return
      clearTimeout(asked.get(id))
      asked.delete(id)
    },
    SyncDigest(link, { entries, last }) {
      for (const key of entries) link.digest.set(key.name, key)
      if (link.digest.size > 16_384) malformed("a digest without end")
      if (!last) return
      answer(link, link.digest)
      link.digest = new Map()
    },
    SyncDelta(link, { records, want }) {
      for (const record of records) hear(record, link)
      const wanted = want.flatMap((name) => (name === self.name ? self : (known.get(name) ?? [])))
      if (want.length > 0) delta(link, wanted, [])
    },
    Leave(link, { generation }) {
      if (generation !== link.generation) return
      send(link, "LeaveAck", { generation })
      gone(link)
    },
    LeaveAck(link) {
      link.owes = false
      acknowledged()
    },
    Bye(link, { code }) {
      link.why = code
      if (code === "left" || code === "superseded") gone(link)
      if (code === "parted") avoided.add(link.name)
      if (code === "replaced") stop("superseded", "replaced by a newer life of its name")
      link.saidBye = true
      link.socket.end()
    },
  }

  // Chapters 9 and 11: heartbeats, and the seed (R11).
  const tick = () => {
    const late = Date.now() - beat - 1000
    beat = Date.now()
    for (const link of links.values()) {
      if (late > 250) link.heard += late
      if (beat - link.heard > 3000) bye(link, "silent")
      else if (compareNames(self.name, link.name) < 0) send(link, "Ping", { seq: seq++, viewHash: viewHash(), lag: 0 })
    }
    const isThere = [...links.values()].some(
      (link) => link.address === seed || link.record.body.addresses.includes(seed),
    )
    if (leaving || isThere || beat < seedAt) return
    seedAt = beat + (links.size > 0 ? 30_000 : 5000)
    dial(seed, undefined, () => {})
  }
  const timer = setInterval(tick, 1000)
  tick()

  // Chapter 13: leaving.
  const finish = (code, status = 0) => {
    clearInterval(timer)
    if (exit !== undefined) return
    leaving = true
    exit = status
    for (const link of sockets) {
      if (link.state === "up") bye(link, code)
      else link.socket.destroy()
    }
    Promise.all([...sockets].map(({ closed }) => closed)).then(() => ended(exit))
  }
  const stop = (code, why) => {
    tell({ event: "stopped", why })
    finish(code, 1)
  }
  const acknowledged = () => {
    if (leaving && ![...links.values()].some(({ owes }) => owes)) finish("left")
  }
  const leave = () => {
    if (leaving) return
    leaving = true
    setTimeout(finish, 5000, "left")
    for (const link of sockets) {
      link.owes = link.state === "up"
      if (link.owes) send(link, "Leave", { generation: self.generation })
      else link.socket.destroy()
    }
    acknowledged()
  }
  return { say, leave }
}

const main = (args) => {
  const option = (name) => args[args.indexOf(`--${name}`) + 1] ?? ""
  const [name, label, seed] = [option("name"), option("cluster"), option("join")]
  if (!Codec.isName(name) || !Codec.isName(label)) throw new Error("--name and --cluster take 1 to 128 bytes of text")
  if (!Codec.isAddress(seed)) throw new Error("--join takes HOST:PORT")
  const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`)
  const self = { name, generation: Date.now(), incarnation: 0, status: ALIVE, body: EMPTY }
  const { leave, say } = start(self, label, seed, tell, (code) => process.exit(code))
  let rest = ""
  process.stdin.setEncoding("utf8").on("data", (chunk) => {
    const lines = (rest + chunk).split("\n")
    rest = lines.pop()
    for (const line of lines) {
      const [, lane, text] = /^publish (\S+) (.*)$/.exec(line) ?? []
      if (line.startsWith("say ")) say(Buffer.from(line.slice(4)))
      if (lane) say(Buffer.from(text), lane)
      if (line === "leave") leave()
    }
  })
  for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, leave)
  process.stdin.on("end", leave)
}

// Imported, it is only a codec.
if (process.argv[1] === import.meta.filename) main(process.argv.slice(2))
