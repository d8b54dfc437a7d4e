/** Warnings before certificates and revocation lists expire. */
import { type Credentials, describeOwn, shortFingerprint } from "./credentials.ts"
import { nextWarning, type Period, problemOf } from "./validity.ts"

interface Dated {
  readonly id: string
  readonly period: Period
  readonly before: string
  readonly after: string
}

export class ExpiryWarnings {
  /** Time of the last warning of each certificate and list that is in use. */
  private last: ReadonlyMap<string, number> = new Map()

  /** Returns the warnings that are due. */
  due(credentials: Credentials, now: number): ReadonlyArray<string> {
    const last = new Map<string, number>()
    const texts: Array<string> = []
    for (const { after, before, id, period } of datedOf(credentials)) {
      const earlier = this.last.get(id)
      if (now >= nextWarning(period, earlier)) {
        last.set(id, now)
        texts.push(problemOf(period, now) === undefined ? before : after)
      } else if (earlier !== undefined) {
        last.set(id, earlier)
      }
    }
    this.last = last
    return texts
  }
}

const datedOf = (credentials: Credentials): ReadonlyArray<Dated> => {
  const { certificate, lists, period } = credentials
  const own = `the certificate of this node (${describeOwn(credentials)})`
  return [
    {
      id: shortFingerprint(certificate),
      period,
      before: `${own} expires soon: replace it, or peers will refuse new connections`,
      after: `${own} has expired, and peers refuse new connections: replace it`,
    },
    ...lists.map(({ issuer, period }) => ({
      id: `${issuer} ${period.to}`,
      period,
      before: "a revocation list ends soon: replace it, or this node will refuse all peers below its authority",
      after: "a revocation list has ended, and this node refuses all peers below its authority: replace it",
    })),
  ]
}
