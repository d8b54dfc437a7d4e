/**
 * A trace such as a run makes, for the tests of what is done with traces: a small cluster elects the holder of a lease
 * while the network fails it. It is made up here, has every kind of event, and is the same for the same options.
 */
import type { Event, Trace } from "@coterie/testkit/Trace"

export interface Options {
  readonly nodes?: ReadonlyArray<string>
  /** Virtual seconds; each has a round of heartbeats. */
  readonly seconds?: number
  /** Keeps the last events only. */
  readonly limit?: number
  /** Goes into what is sent and said. */
  readonly words?: string
}

interface Entry {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export const sampleTrace = ({
  limit = Infinity,
  nodes = ["a", "b", "c"],
  seconds = 20,
  words = "",
}: Options = {}): Trace => {
  const events: Array<Event> = []
  const agenda: Array<Entry> = []
  let now = 0
  let order = 0
  let ids = 0
  let connections = 0
  let state = 12_345
  /** A whole number below `n`. */
  const random = (n: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >>> 8) % n
  }
  const schedule = (at: number, run: () => void): void => {
    agenda.push({ at, order: order++, run })
  }
  const second = 1_000_000
  const add = (event: Event): void => {
    events.push(event)
  }

  const [a = "a", b = "b", c = "c"] = nodes
  const lives = new Map<string, number>()
  const up = new Set<string>()
  const paused = new Set<string>()
  let cut: { readonly from: ReadonlyArray<string>; readonly to: ReadonlyArray<string> } | undefined
  const passes = (from: string, to: string): boolean =>
    cut === undefined ||
    !((cut.from.includes(from) && cut.to.includes(to)) || (cut.from.includes(to) && cut.to.includes(from)))
  const connection = new Map<string, number>()
  const between = (x: string, y: string): string => [x, y].sort().join(" ")

  const tell = (node: string, state: Extract<Event, { _tag: "Node" }>["state"], text?: string): void =>
    add({ _tag: "Node", at: now, node, state, life: lives.get(node) ?? 1, ...(text === undefined ? {} : { text }) })

  const start = (node: string): void => {
    lives.set(node, (lives.get(node) ?? 0) + 1)
    tell(node, "starting")
    schedule(now + 3_000 + random(2_000), () => {
      up.add(node)
      tell(node, "running")
    })
  }

  const dial = (from: string, to: string): void => {
    const number = ++connections
    add({ _tag: "Connection", at: now, connection: number, from, to, state: "dialed" })
    if (!up.has(to)) {
      schedule(now + 900, () => add({ _tag: "Connection", at: now, connection: number, from, to, state: "refused" }))
      return
    }
    schedule(now + 2_000 + random(9_000), () => {
      connection.set(between(from, to), number)
      add({ _tag: "Connection", at: now, connection: number, from, to, state: "accepted", by: to })
    })
  }

  const sizes: { readonly [kind: string]: number } = {
    Heartbeat: 38,
    Ack: 21,
    RequestVote: 52,
    Vote: 30,
    Grant: 44,
    Renew: 41,
  }
  const send = (from: string, to: string, kind: string, text: string, then?: () => void): void => {
    if (!up.has(from) || paused.has(from)) return
    const id = ++ids
    const messages =
      kind === ""
        ? {}
        : { messages: [{ kind, text: `${kind} { ${text}${words === "" ? "" : `, note: "${words}"`} }` }] }
    const size = (sizes[kind] ?? 1_400) + random(9)
    add({ _tag: "Sent", at: now, id, connection: connection.get(between(from, to)) ?? 0, from, to, size, ...messages })
    if (!up.has(to)) {
      schedule(now + 700, () => add({ _tag: "Dropped", at: now, id, why: "the connection was reset" }))
      return
    }
    let delay = 4_000 + random(14_000)
    if (!passes(from, to)) {
      schedule(now + delay, () => add({ _tag: "Dropped", at: now, id, why: "its connection died in the partition" }))
      return
    }
    if (random(9) === 0) {
      const times = 1 + random(2)
      add({ _tag: "Lost", at: now, id, times })
      delay += times * 30_000
    }
    const arrive = (): void => {
      if (!up.has(to)) return add({ _tag: "Dropped", at: now, id, why: `${to} has crashed` })
      add({ _tag: "Arrived", at: now, id })
      then?.()
    }
    schedule(now + delay, arrive)
  }

  const fault = (
    number: number,
    kind: string,
    at: number,
    lasts: number,
    members: ReadonlyArray<string>,
    text: string,
    options: { readonly began?: () => void; readonly over?: () => void; readonly cut?: typeof cut } = {},
  ): void => {
    const sides = options.cut === undefined ? {} : { cut: { ...options.cut, oneWay: false } }
    const event = { _tag: "Fault", fault: number, kind, nodes: members, text, ...sides } as const
    schedule(at, () => {
      add({ ...event, at: now, state: "began" })
      options.began?.()
    })
    if (lasts === 0) return
    schedule(at + lasts, () => {
      add({ ...event, at: now, state: "over" })
      options.over?.()
    })
  }

  for (const node of nodes) schedule(0, () => start(node))
  for (const [index, from] of nodes.entries()) {
    for (const to of nodes.slice(index + 1)) schedule(8_000 + random(4_000), () => dial(from, to))
  }

  let holder = a
  let term = 1
  for (let round = 0; round < seconds; round++) {
    schedule(40_000 + round * second + random(20_000), () => {
      const leader = holder
      for (const peer of nodes) {
        if (peer === leader) continue
        send(leader, peer, "Heartbeat", `term: ${term}, lease: ${round}`, () =>
          schedule(now + random(900), () => send(peer, leader, "Ack", `term: ${term}, lease: ${round}`)),
        )
      }
      if (round % 4 === 1) send(leader, nodes[random(nodes.length)] ?? b, "", "")
      if (round % 3 === 2)
        add({ _tag: "Note", at: now, node: leader, kind: "log", text: `renewed the lease for round ${round}` })
    })
  }

  /** `node` is elected, unless nobody hears it. */
  const elect = (node: string): void => {
    if (!up.has(node)) return
    term++
    add({ _tag: "Note", at: now, node, kind: "log", text: `no heartbeat in time: term ${term} begins` })
    let votes = 1
    for (const peer of nodes) {
      if (peer === node) continue
      send(node, peer, "RequestVote", `term: ${term}, candidate: ${node}`, () =>
        send(peer, node, "Vote", `term: ${term}, granted: true`, () => {
          if (++votes !== Math.floor(nodes.length / 2) + 1) return
          holder = node
          add({ _tag: "Note", at: now, node, kind: "note", text: `${node} holds the lease` })
          for (const other of nodes) if (other !== node) send(node, other, "Grant", `holder: ${node}, term: ${term}`)
        }),
      )
    }
  }

  const span = seconds * second
  const others = nodes.filter((name) => name !== a)
  const isolate = { from: [a], to: others }
  fault(
    0,
    "partition",
    span * 0.2,
    span * 0.18,
    nodes,
    `${a} is cut off from ${others.join(", ")} for ${Math.round(seconds * 18) / 100} seconds`,
    {
      cut: isolate,
      began: () => {
        cut = isolate
      },
      over: () => {
        cut = undefined
      },
    },
  )
  schedule(span * 0.2 + 1.4 * second, () => elect(b))
  fault(
    1,
    "crash",
    span * 0.45,
    span * 0.1,
    [c],
    `${c} crashes and is back after ${Math.round(seconds * 10) / 100} seconds`,
    {
      began: () => {
        up.delete(c)
        tell(c, "crashed")
        for (const other of nodes) {
          const number = connection.get(between(other, c))
          if (other === c || number === undefined) continue
          const [from = "", to = ""] = between(other, c).split(" ")
          add({ _tag: "Connection", at: now, connection: number, from, to, state: "reset", by: other })
        }
        schedule(now + 40_000, () => dial(b, c))
      },
      over: () => {
        start(c)
        schedule(now + 30_000, () => dial(b, c))
      },
    },
  )
  fault(2, "pause", span * 0.62, span * 0.06, [b], `${b} stands still for ${Math.round(seconds * 6) / 100} seconds`, {
    began: () => {
      paused.add(b)
      tell(b, "paused")
    },
    over: () => {
      paused.delete(b)
      tell(b, "resumed")
    },
  })
  fault(3, "slow", span * 0.72, span * 0.1, [a], `${a} takes 2 ms for every task`, {
    began: () => tell(a, "slow", "2 ms a task"),
    over: () => tell(a, "slow", "full speed"),
  })
  fault(4, "clock", span * 0.76, 0, [c], `the clock of ${c} is set forth by 4 seconds`, {
    began: () => tell(c, "clock", "forth by 4 seconds"),
  })
  schedule(span * 0.8, () => {
    const number = connection.get(between(a, c)) ?? 0
    add({ _tag: "Connection", at: now, connection: number, from: a, to: c, state: "vanished", by: c })
    add({ _tag: "Connection", at: now, connection: number, from: a, to: c, state: "end", by: a })
  })
  const victim = nodes.at(-1) ?? c
  schedule(span * 0.82, () => {
    if (nodes.length < 4) return
    tell(victim, "stopping")
    schedule(now + 4_000, () => {
      up.delete(victim)
      tell(victim, "stopped")
    })
  })
  const halves = { from: [b], to: nodes.filter((name) => name !== b) }
  fault(5, "clog", span * 0.9, span, [a, b], `nothing passes between ${b} and the others`, {
    cut: halves,
    began: () => {
      cut = halves
    },
  })
  schedule(span * 0.86, () => add({ _tag: "Note", at: now, kind: "mark", text: "the holder crashed" }))
  schedule(span * 0.87, () =>
    add({ _tag: "Note", at: now, node: b, kind: "history", text: `acquire -> ok, term ${term}` }),
  )
  schedule(span * 0.88, () => add({ _tag: "Note", at: now, kind: "healed", text: "everything is healed" }))
  schedule(span * 0.9 + 0.6 * second, () => elect(c))
  schedule(span - 60_000, () => send(a, b, "Renew", "lease: 7", undefined))
  schedule(span - 30_000, () => {
    if (nodes.length > 3) tell(nodes.at(-2) ?? c, "died", "its layer failed")
  })

  for (;;) {
    agenda.sort((x, y) => y.at - x.at || y.order - x.order)
    const next = agenda.pop()
    if (next === undefined || next.at >= span) break
    now = Math.round(next.at)
    next.run()
  }
  now = span
  send(a, c, "Renew", "lease: 8")
  const text = `"at most one holder" was violated: ${b} and ${c} hold the lease${words === "" ? "" : ` ${words}`}`
  add({ _tag: "Failed", at: now, node: c, text })

  const skipped = Math.max(0, events.length - limit)
  return { scenario: "at most one lease holder", seed: 1729, nodes, skipped, events: events.slice(skipped) }
}
