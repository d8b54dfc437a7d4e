const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

/** A value of JSON that records which of its keys are read. A key that no validator reads is not in the schema. */
export class WatchedValue {
  private readonly keys = new Map<object, Set<string>>()
  private readonly proxies = new Map<object, unknown>()
  private readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }

  /** Value to give to the reader. */
  get watched(): unknown {
    return this.watch(this.value)
  }

  /** Returns the paths of the keys that were not read, without the keys below them. */
  unread(): ReadonlyArray<string> {
    return this.unreadBelow(this.value, "")
  }

  private watch(value: unknown): unknown {
    if (!isObject(value)) return value
    const known = this.proxies.get(value)
    if (known !== undefined) return known
    const keys = new Set<string>()
    this.keys.set(value, keys)
    const proxy: unknown = new Proxy(value, {
      get: (target, key) => {
        if (typeof key === "string") keys.add(key)
        return this.watch(Reflect.get(target, key))
      },
    })
    this.proxies.set(value, proxy)
    return proxy
  }

  private unreadBelow(value: unknown, path: string): ReadonlyArray<string> {
    if (!isObject(value)) return []
    return Object.entries(value).flatMap(([key, child]) => {
      const at = `${path}/${key}`
      return this.keys.get(value)?.has(key) === true ? this.unreadBelow(child, at) : [at]
    })
  }
}
