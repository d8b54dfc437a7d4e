import type { ClusterReport, NodeReport } from "../../src/Report.ts"
import { roundTripsOf } from "./members.ts"

/** Number of samples: five minutes with a sample every two seconds. */
const maxSamples = 150

/** Values of one plot: the times in seconds since 1970, and a list for each line. A value is `null` if it is not known. */
export type Series = readonly [ReadonlyArray<number>, ...ReadonlyArray<ReadonlyArray<number | null>>]

interface Sample {
  readonly at: number
  readonly roundTrip: number | null
  readonly maxRoundTrip: number | null
  readonly bytesIn: number | null
  readonly bytesOut: number | null
  readonly lag: number | null
  readonly queue: number | null
}

/** Values of a sample that are compared with those of the sample before. */
interface Totals {
  readonly at: number
  readonly uptime: number
  readonly links: ReadonlyMap<string, { readonly in: number; readonly out: number }>
}

/** Measurements that the page has seen. The node keeps none. */
export class History {
  private samples: Array<Sample> = []
  private totals: Totals | undefined

  add(atMillis: number, report: ClusterReport, self: NodeReport | undefined): void {
    const { max, median } = roundTripsOf(report)
    const totals = self === undefined ? undefined : totalsOf(atMillis, self)
    const rate = rateOf(this.totals, totals)
    this.totals = totals
    this.samples.push({
      at: atMillis / 1_000,
      roundTrip: median ?? null,
      maxRoundTrip: max ?? null,
      bytesIn: rate?.in ?? null,
      bytesOut: rate?.out ?? null,
      lag: self?.lagMillis ?? null,
      queue: self === undefined ? null : fullest(self),
    })
    if (this.samples.length > maxSamples) this.samples = this.samples.slice(-maxSamples)
  }

  private series(...values: ReadonlyArray<(sample: Sample) => number | null>): Series {
    return [this.samples.map(({ at }) => at), ...values.map((value) => this.samples.map(value))]
  }

  /** Median and highest round-trip time of all links, in milliseconds. */
  get roundTrips(): Series {
    return this.series(
      ({ roundTrip }) => roundTrip,
      ({ maxRoundTrip }) => maxRoundTrip,
    )
  }

  /** KiB per second that the asked node receives and sends. */
  get bytes(): Series {
    return this.series(
      ({ bytesIn }) => bytesIn,
      ({ bytesOut }) => bytesOut,
    )
  }

  /** Lag of the timers of the asked node, in milliseconds. */
  get lag(): Series {
    return this.series(({ lag }) => lag)
  }

  /** Fullest queue of the asked node, in percent of its bound. */
  get queue(): Series {
    return this.series(({ queue }) => queue)
  }
}

/** Name of a link, so that a new session does not count as negative traffic. */
const linkKey = (name: string, generation: number, session: number): string => `${generation}-${session}-${name}`

const totalsOf = (at: number, self: NodeReport): Totals => ({
  at,
  uptime: self.uptimeMillis,
  links: new Map(
    self.peers.flatMap(({ connection, generation, name }) =>
      connection === undefined
        ? []
        : [[linkKey(name, generation, connection.session), { in: connection.bytesIn, out: connection.bytesOut }]],
    ),
  ),
})

/** Returns KiB per second between two samples. A link that began between them counts from zero. */
const rateOf = (before: Totals | undefined, now: Totals | undefined) => {
  if (before === undefined || now === undefined || now.at <= before.at || now.uptime < before.uptime) return undefined
  let [received, sent] = [0, 0]
  for (const [key, link] of now.links) {
    const earlier = before.links.get(key) ?? { in: 0, out: 0 }
    received += Math.max(0, link.in - earlier.in)
    sent += Math.max(0, link.out - earlier.out)
  }
  const unit = 1_024 * ((now.at - before.at) / 1_000)
  return { in: received / unit, out: sent / unit }
}

const fullest = (self: NodeReport): number => {
  const queues = [...self.queues, ...self.peers.flatMap(({ connection }) => connection?.queues ?? [])]
  return queues.reduce((most, { limit, size }) => Math.max(most, limit > 0 ? (100 * size) / limit : 0), 0)
}
