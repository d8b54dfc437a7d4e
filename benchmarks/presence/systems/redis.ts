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
  private readonly suffix: string
  private readonly seen: Seen

  constructor(name: string, seen: Seen) {
    this.suffix = `:${name}`
    this.seen = seen
  }

  apply({ key, user }: Change): void {
    this.changed?.add(key)
    if (user === undefined) {
      if (this.users.delete(key)) this.seen.left(1, 1)
      return
    }
    const known = this.users.has(key)
    this.users.set(key, user)
    if (!known) this.seen.joined(user, !key.endsWith(this.suffix))
  }

  list(key: string, text: string | null | undefined): void {
    // A key without a value has expired or was deleted since.
    if (typeof text !== "string" || this.changed?.has(key) === true || this.users.has(key)) return
    const user: User = JSON.parse(text)
    this.users.set(key, user)
    this.seen.joined({ ...user, since: 0 }, true)
  }

  listed(): void {
    this.changed = undefined
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

export const start = async ({ name, renewal, seeds }: Setup, seen: Seen): Promise<Node> => {
  const address = seeds[0] ?? ""
  const [host = "", port] = address.split(":")
  // Commands of one turn of the event loop are one write.
  const redis = new Redis({ host, port: Number(port), enableAutoPipelining: true })
  const subscriber = new Redis({ host, port: Number(port) })
  const copy = new Copy(name, seen)
  subscriber.on("message", (from: string, text: string) =>
    copy.apply(from === expired ? { key: text } : JSON.parse(text)),
  )
  await subscriber.subscribe(channel, expired)
  await readAll(redis, copy)
  const own = new Set<string>()
  const seconds = renewal * renewals
  setInterval(() => void renew(redis, [...own], seconds), renewal * 1_000)
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
    bytes: () => 0,
  }
}
