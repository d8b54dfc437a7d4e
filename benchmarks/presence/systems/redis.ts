/**
 * Presence over one Redis, as applications write it: a key of each user and node that expires, a message at each change,
 * a local copy that follows the messages, and a list of all keys at the start.
 */
import { Redis } from "ioredis"
import type { Seen, User } from "../Seen.ts"
import type { Node, Setup } from "./Driver.ts"

const channel = "presence"
const expired = "__keyevent@0__:expired"

/** Number of keys that one pipeline renews, and that one `SCAN` returns. */
const batch = 1_000

/** Renewals within the life of a key. */
const renewals = 3

interface Change {
  readonly key: string
  /** Missing if the user has left. */
  readonly user?: User
}

/** The local copy of all keys. */
class Copy {
  private readonly users = new Map<string, User>()
  /** Keys that changed while the list is read. What the list says of them is older. */
  private changed: Set<string> | undefined = new Set()
  /** Number of keys of each user, if a user may have several. */
  private readonly keysOf: Map<string, number> | undefined
  private readonly suffix: string
  private readonly seen: Seen

  constructor({ moves, name }: Pick<Setup, "moves" | "name">, seen: Seen) {
    this.keysOf = moves ? new Map() : undefined
    this.suffix = `:${name}`
    this.seen = seen
  }

  apply({ key, user }: Change): void {
    this.changed?.add(key)
    if (user === undefined) {
      const last = this.users.get(key)
      if (last !== undefined && this.users.delete(key) && this.count(last, -1) === 0) this.seen.left(1, 1)
      return
    }
    this.add(key, user)
  }

  list(key: string, text: string | null | undefined): void {
    // A key without a value has expired or was deleted since.
    if (typeof text !== "string" || this.changed?.has(key) === true || this.users.has(key)) return
    const user: User = JSON.parse(text)
    this.add(key, { ...user, since: 0 })
  }

  /** Returns the number of keys of nodes. */
  countOf(names: ReadonlySet<string>): number {
    return [...this.users.keys()].filter((key) => names.has(key.slice(key.lastIndexOf(":") + 1))).length
  }

  listed(): void {
    this.changed = undefined
  }

  private add(key: string, user: User): void {
    const known = this.users.has(key)
    this.users.set(key, user)
    if (!known && this.count(user, 1) === 1) this.seen.joined(user, !key.endsWith(this.suffix))
  }

  /** Adds to the number of keys of a user, and returns it. */
  private count({ user }: User, added: 1 | -1): number {
    const count = (this.keysOf?.get(user) ?? (added === 1 ? 0 : 1)) + added
    if (count === 0) this.keysOf?.delete(user)
    else this.keysOf?.set(user, count)
    return count
  }
}

const readAll = async (redis: Redis, copy: Copy): Promise<void> => {
  let cursor = "0"
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", "presence:*", "COUNT", batch)
    const texts = keys.length === 0 ? [] : await redis.mget(keys)
    for (const [i, key] of keys.entries()) copy.list(key, texts[i])
    cursor = next
  } while (cursor !== "0")
  copy.listed()
}

const renew = async (redis: Redis, keys: ReadonlyArray<string>, seconds: number): Promise<void> => {
  for (let i = 0; i < keys.length; i += batch) {
    const pipeline = redis.pipeline()
    for (const key of keys.slice(i, i + batch)) pipeline.expire(key, seconds)
    await pipeline.exec()
  }
}

export const start = async (setup: Setup, seen: Seen): Promise<Node> => {
  const { name, renewal, seeds } = setup
  const address = seeds[0] ?? ""
  const [host = "", port] = address.split(":")
  // Commands of one turn of the event loop are one write.
  const redis = new Redis({ host, port: Number(port), enableAutoPipelining: true })
  const subscriber = new Redis({ host, port: Number(port) })
  const copy = new Copy(setup, seen)
  subscriber.on("message", (from: string, text: string) =>
    copy.apply(from === expired ? { key: text } : JSON.parse(text)),
  )
  await subscriber.subscribe(channel, expired)
  await readAll(redis, copy)
  const own = new Set<string>()
  const seconds = renewal * renewals
  const renewing = setInterval(() => void renew(redis, [...own], seconds), renewal * 1_000)
  const keyOf = ({ user }: User): string => `presence:${user}:${name}`
  const publish = (change: Change): Promise<number> => redis.publish(channel, JSON.stringify(change))
  return {
    address,
    join: async (user) => {
      const key = keyOf(user)
      own.add(key)
      await Promise.all([redis.set(key, JSON.stringify(user), "EX", seconds), publish({ key, user })])
    },
    leave: async (user) => {
      const key = keyOf(user)
      own.delete(key)
      await Promise.all([redis.del(key), publish({ key })])
    },
    entriesOf: async (names) => copy.countOf(names),
    end: async () => {
      clearInterval(renewing)
      await Promise.all([redis.quit(), subscriber.quit()])
    },
    bytes: () => 0,
  }
}
