/** The users that a node knows, as its application counts them, and the times at which it got to know them. */

/** Value of a presence. It has about 100 bytes as JSON. */
export interface User {
  readonly user: string
  /** Time of the join in microseconds of the clock that all processes share, or 0 if it is not measured. */
  readonly since: number
  /** `last` marks the last join of a load. */
  readonly status: "online" | "last"
  readonly device: string
}

/** Returns the time in microseconds of the monotonic clock that all processes of a machine share. */
export const now = (): number => Number(process.hrtime.bigint() / 1_000n)

/** Numbers of users at a node. */
export interface Counts {
  /** Users that are present. */
  readonly present: number
  /** Users in the list: those that are present, and with Coterie those in the grace after their end. */
  readonly listed: number
  /** Users with the status `last`. */
  readonly last: number
}

/** Changes that an application sees. */
export interface Changes {
  /** Users that came into the list. */
  readonly joined: number
  /** Users that were not present any more. Some of them may be present again. */
  readonly absent: number
  /** Users that left the list. */
  readonly left: number
}

const noChanges: Changes = { joined: 0, absent: 0, left: 0 }

/** Times at which a node had the expected numbers, in microseconds. */
export interface Reached {
  readonly present: number
  readonly listed: number
}

interface Wait {
  readonly reached: (counts: Counts) => boolean
  readonly resume: (at: number) => void
}

export class Seen {
  private counts: Counts = { present: 0, listed: 0, last: 0 }
  private readonly waits = new Set<Wait>()
  private samples: Array<number> = []
  private changes = noChanges

  /** Counts a user that has joined. Users of other nodes are measured. */
  joined({ since, status }: User, remote: boolean): void {
    if (remote && since > 0) this.samples.push(now() - since)
    this.changes = { ...this.changes, joined: this.changes.joined + 1 }
    this.add(1, 1, status === "last" ? 1 : 0)
  }

  /** Counts a listed user that is present again. */
  returned(): void {
    this.add(1, 0, 0)
  }

  /** Counts users that are not present any more, and users that are not listed any more. */
  left(present: number, listed: number): void {
    const { absent, joined, left } = this.changes
    this.changes = { joined, absent: absent + present, left: left + listed }
    this.add(-present, -listed, 0)
  }

  /** Replaces all numbers. */
  reset(counts: Counts): void {
    this.counts = counts
    for (const wait of this.waits) {
      if (!wait.reached(counts)) continue
      this.waits.delete(wait)
      wait.resume(now())
    }
  }

  /** Returns the times from the joins of others until now in microseconds, and forgets them. */
  take(): Float64Array {
    const taken = Float64Array.from(this.samples)
    this.samples = []
    return taken
  }

  /** Returns the changes since the last call. */
  takeChanges(): Changes {
    const taken = this.changes
    this.changes = noChanges
    return taken
  }

  /** Waits for numbers. Fails after a time with the numbers that there are. */
  until(reached: (counts: Counts) => boolean, millis: number): Promise<number> {
    if (reached(this.counts)) return Promise.resolve(now())
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        reached,
        resume: (at) => {
          clearTimeout(timer)
          resolve(at)
        },
      }
      const timer = setTimeout(() => {
        this.waits.delete(wait)
        reject(new Error(`the node knows ${JSON.stringify(this.counts)} after ${millis} ms`))
      }, millis)
      this.waits.add(wait)
    })
  }

  private add(present: number, listed: number, last: number): void {
    const { counts } = this
    this.reset({ present: counts.present + present, listed: counts.listed + listed, last: counts.last + last })
  }
}
