/**
 * What nodes said on their lanes, what their senders were told of it, and what was heard, kept outside of them: together they
 * say whether a reader got a prefix of what was accepted, without gap and nothing twice (docs/protocol.md, section "What a
 * receiver may rely on").
 *
 * Messages are numbered by what they belong to: a sequence is what one life of a node says on one lane, one after the other,
 * the next only when it is known what became of the one before, or some in one go. So whoever hears a number knows the fate of all lower ones.
 */
import type { SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport } from "@coterie/core/Lane"
import type { Message, SessionEnded } from "@coterie/core/Message"
import type { PeerId } from "@coterie/core/Peer"

/** A lane by its name; `undefined` is the inbox. */
export type LaneName = string | undefined

/** One life of a node. */
export interface Life {
  readonly name: string
}

/**
 * What a sender was told about one receiver.
 *
 * - `accepted`, `taken`: it is on its way, or was taken.
 * - `refused`: it was not sent.
 * - `passed over`: nothing was said about this receiver.
 * - `unknown`: it may have been sent or not.
 */
type Fate = "accepted" | "taken" | "refused" | "passed over" | "unknown"

/** One message, to one or to many. */
export interface Utterance {
  readonly text: string
  /** It was sent to one, who took it if it was to be confirmed; or was not. */
  readonly sent: (how: "accepted" | "taken") => void
  readonly failed: (error: SendError) => void
  /** It was not tried. */
  readonly unsent: () => void
  /** It was sent to many. */
  readonly reported: (report: BroadcastReport) => void
}

/** What a life says on a lane, one after the other. */
export interface Sequence {
  readonly say: (how?: { readonly to?: string; readonly confirm?: boolean; readonly padding?: number }) => Utterance
}

/** A life that reads a lane. */
export interface Reader {
  /** All that was pulled at once. */
  readonly hear: (items: ReadonlyArray<Message | SessionEnded>) => void
  /**
   * Whether everything that it pulled has been heard, and it pulls no more for now. What others are told to be taken meanwhile
   * must be among that.
   */
  holds: boolean
}

interface Said {
  readonly sequence: Said.Sequence
  readonly number: number
  readonly to: string | undefined
  /** The life of the receiver when it began, if it is for one. */
  readonly life: Life | undefined
  fate: ((receiver: string) => Fate) | undefined
  readonly heardBy: Set<Life>
}

declare namespace Said {
  interface Sequence {
    readonly id: number
    readonly life: Life
    readonly lane: LaneName
    readonly said: Array<Said>
  }
}

export interface DeliveryLog {
  readonly begin: (life: Life) => void
  readonly sequence: (life: Life, lane?: string) => Sequence
  readonly reader: (life: Life, lane?: string) => Reader
  /** How much of what a life said has no outcome yet. */
  readonly pending: (life: Life) => number
  /** How many messages a life heard. */
  readonly heard: (life: Life) => number
  /** Everything has come to rest: whatever was taken has been heard. */
  readonly settle: () => void
  /** How often each outcome was seen. */
  readonly outcomes: ReadonlyMap<string, number>
}

/** Failures after which a message may have arrived, if it was to be confirmed or not. */
const uncertain: { readonly [Confirm in "true" | "false"]: ReadonlySet<SendError["reason"]> } = {
  true: new Set(["linkLost", "timeout", "notReading"]),
  false: new Set(["linkLost"]),
}

const nameOf = ({ life, lane, id }: Said.Sequence): string => `${id} of ${life.name} on ${lane ?? "the inbox"}`

export const make = (complain: (wrong: string) => void): DeliveryLog => {
  const sequences: Array<Said.Sequence> = []
  const newest = new Map<string, Life>()
  /** The readers of a life, by lane. */
  const readers = new WeakMap<Life, Map<LaneName, Reader>>()
  const pending = new WeakMap<Life, number>()
  const heard = new WeakMap<Life, number>()
  const lasts = new WeakMap<Life, Map<Said.Sequence, number>>()
  const taken = new Set<Said>()
  const outcomes = new Map<string, number>()

  const unheard = ({ heardBy, to }: Said): boolean => {
    for (const { name } of heardBy) if (name === to) return false
    return true
  }

  /** Whether a reader should have heard it, for its life has not ended since it was said. */
  const isOwed = (said: Said): boolean =>
    said.life !== undefined && newest.get(said.life.name) === said.life && unheard(said)

  const decide = (said: Said, outcome: string, fate: (receiver: string) => Fate): void => {
    const { heardBy, number, sequence } = said
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (said.fate !== undefined) complain(`${number} in ${nameOf(sequence)} has two outcomes`)
    said.fate = fate
    pending.set(sequence.life, (pending.get(sequence.life) ?? 0) - 1)
    for (const { name } of heardBy) checkFate(said, name)
    if (outcome !== "taken") return
    taken.add(said)
    const reader = said.life === undefined ? undefined : readers.get(said.life)?.get(sequence.lane)
    if (isOwed(said) && reader?.holds !== false) {
      complain(`${number} in ${nameOf(sequence)} is called taken, and ${said.to} has not taken it`)
    }
  }

  const checkFate = ({ fate, number, sequence }: Said, receiver: string): void => {
    const found = fate?.(receiver)
    if (found !== "refused" && found !== "passed over") return
    complain(`${receiver} heard ${number} in ${nameOf(sequence)}, which was ${found}`)
  }

  const say = (sequence: Said.Sequence, how: Parameters<Sequence["say"]>[0] = {}): Utterance => {
    const { confirm = false, padding = 0, to } = how
    const number = sequence.said.length
    const life = to === undefined ? undefined : newest.get(to)
    const said: Said = { sequence, number, to, life, fate: undefined, heardBy: new Set() }
    sequence.said.push(said)
    pending.set(sequence.life, (pending.get(sequence.life) ?? 0) + 1)
    const only = (fate: Fate) => (receiver: string) => (receiver === to ? fate : "refused")
    return {
      text: `${sequence.id} ${number} `.padEnd(padding, "."),
      sent: (fate) => decide(said, fate, only(fate)),
      failed: ({ reason }) =>
        decide(said, reason, uncertain[`${confirm}`].has(reason) ? only("unknown") : () => "refused"),
      unsent: () => decide(said, "unsent", () => "refused"),
      reported: ({ failed, sent }) =>
        decide(said, "reported", (receiver) => {
          if (sent.includes(receiver)) return "accepted"
          const error = failed.find(({ peer }) => peer === receiver)
          return error === undefined ? "passed over" : uncertain.false.has(error.reason) ? "unknown" : "refused"
        }),
    }
  }

  const makeReader = (life: Life, lane: LaneName): Reader => {
    const last = new Map<Said.Sequence, { number: number; session: number }>()
    /** The session of each life of each peer, and whether its end was told. */
    const sessions = new Map<string, { session: number; isOver: boolean }>()
    const who = `${life.name} on ${lane ?? "the inbox"}`

    const checkSession = ({ generation, name }: PeerId, session: number, ends: boolean): void => {
      const key = `${name}#${generation}`
      const before = sessions.get(key)
      if (before !== undefined) {
        const isNew = session > before.session
        if (session < before.session || (before.isOver && !isNew)) {
          complain(`${who}: session ${session} with ${key} goes on after it was over`)
        }
        // The inbox does not say when a session is over.
        if (isNew && !before.isOver && lane !== undefined) {
          complain(`${who}: session ${session} with ${key} begins, and the end of ${before.session} was not told`)
        }
      }
      sessions.set(key, { session, isOver: ends })
    }

    const hear = ({ from, session, text }: Message): void => {
      checkSession(from, session, false)
      const [id = "", digits = ""] = text.split(" ", 2)
      const number = Number(digits)
      const sequence = sequences[Number(id)]
      const said = sequence?.said[number]
      if (sequence === undefined || said === undefined) return complain(`${who}: nobody said ${text}`)
      if (sequence.lane !== lane || sequence.life.name !== from.name || sequence.life === life) {
        return complain(`${who}: ${text} from ${from.name} is in ${nameOf(sequence)}`)
      }
      heard.set(life, (heard.get(life) ?? 0) + 1)
      said.heardBy.add(life)
      checkFate(said, life.name)
      const all = lasts.get(life)
      const before = all?.get(sequence) ?? -1
      all?.set(sequence, number)
      if (number <= before) {
        complain(`${who}: ${number} came after ${before} in ${nameOf(sequence)}: in order, and none twice`)
      }
      const mine = last.get(sequence)
      last.set(sequence, { number, session })
      if (mine === undefined || mine.session !== session) return
      for (let missing = mine.number + 1; missing < number; missing++) {
        const fate = sequence.said[missing]?.fate?.(life.name)
        if (fate === "accepted" || fate === "taken" || fate === "passed over") {
          complain(
            `${who}: after ${mine.number} came ${number} in ${nameOf(sequence)} and in session ${session}; ` +
              `${missing} was ${fate}, and is missing`,
          )
        }
      }
    }

    const reader: Reader = {
      holds: false,
      hear: (items) => {
        for (const item of items) {
          if (item._tag === "Message") hear(item)
          else checkSession(item.from, item.session, true)
        }
      },
    }
    readers.get(life)?.set(lane, reader)
    return reader
  }

  return {
    begin: (life) => {
      newest.set(life.name, life)
      readers.set(life, new Map())
      lasts.set(life, new Map())
    },
    sequence: (life, lane) => {
      const sequence: Said.Sequence = { id: sequences.length, life, lane, said: [] }
      sequences.push(sequence)
      return { say: (how) => say(sequence, how) }
    },
    reader: makeReader,
    pending: (life) => pending.get(life) ?? 0,
    heard: (life) => heard.get(life) ?? 0,
    settle: () => {
      for (const said of taken) {
        if (isOwed(said))
          complain(`${said.number} in ${nameOf(said.sequence)} was taken, and ${said.to} never heard it`)
      }
    },
    outcomes,
  }
}
