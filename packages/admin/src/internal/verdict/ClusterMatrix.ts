/** Rows indexed by name, so that a comparison of all pairs is O(members²). All lists of names are sorted. */
import type { Row, Unanswered } from "../../Report.ts"

/** Compares by code units, so that the order does not depend on the locale. */
export const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export type Pair = readonly [string, string]

const isListed = (status: string | undefined): boolean => status === "a" || status === "s"

export class ClusterMatrix {
  /** Names of the members that answered. */
  readonly names: ReadonlyArray<string>
  /** Groups of members that list each other, directly or through others. */
  readonly parts: ReadonlyArray<ReadonlyArray<string>>
  /** Names that answered, or that a member lists as alive or suspect. */
  readonly known: ReadonlyArray<string>
  /** Names that some member calls failed and nobody lists or has an answer of, with the shortest time since then. */
  readonly failed: ReadonlyMap<string, number>
  /** Names that some member suspects. */
  readonly suspected: ReadonlyArray<string>
  /** Pairs of one part without a link on either side. */
  readonly broken: ReadonlyArray<Pair>
  /** Pairs of one part of which only the second has a link to the first. */
  readonly oneSided: ReadonlyArray<Pair>
  /** Members without an answer, of those that are known. */
  readonly silent: ReadonlyArray<Unanswered>
  /** Groups of members with the same view. */
  readonly views: ReadonlyArray<ReadonlyArray<string>>
  private readonly rows = new Map<string, Row>()
  /** Links to the peers that a node lists, by the names of both. */
  private readonly links = new Map<string, ReadonlyMap<string, string>>()

  constructor(rows: ReadonlyArray<Row>, unanswered: ReadonlyArray<Unanswered>) {
    const suspected = new Set<string>()
    const known = new Set<string>()
    const failed = new Map<string, number>()
    for (const row of rows) {
      this.rows.set(row.name, row)
      known.add(row.name)
      const links = new Map<string, string>()
      for (const [i, peer] of row.names.entries()) {
        const status = row.status[i]
        if (peer === row.name) continue
        if (isListed(status)) {
          known.add(peer)
          links.set(peer, row.link[i] ?? "")
        }
        if (status === "s") suspected.add(peer)
        if (status === "f") failed.set(peer, Math.min(failed.get(peer) ?? Infinity, row.failedMillis[i] ?? Infinity))
      }
      this.links.set(row.name, links)
    }
    this.names = [...this.rows.keys()].sort(compareNames)
    this.known = [...known].sort(compareNames)
    this.suspected = [...suspected].sort(compareNames)
    for (const name of known) failed.delete(name)
    this.failed = new Map([...failed].sort(([a], [b]) => compareNames(a, b)))
    this.parts = this.findParts()
    const { broken, oneSided } = this.findPairs()
    this.broken = broken
    this.oneSided = oneSided
    const silent = new Map(unanswered.map((each) => [each.name, each]))
    this.silent = this.known.flatMap((name) => {
      const found = silent.get(name)
      if (this.rows.has(name)) return []
      return [found ?? { name, reason: "noLink", message: "no node that was asked could reach it" }]
    })
    this.views = this.findViews()
  }

  /** Returns the rows in the order of the names. */
  get sortedRows(): ReadonlyArray<Row> {
    return this.names.flatMap((name) => this.rows.get(name) ?? [])
  }

  private lists(a: string, b: string): boolean {
    return this.links.get(a)?.has(b) ?? false
  }

  private findParts(): ReadonlyArray<ReadonlyArray<string>> {
    const done = new Set<string>()
    const parts: Array<ReadonlyArray<string>> = []
    for (const name of this.names) {
      if (done.has(name)) continue
      const part: Array<string> = []
      const todo = [name]
      for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
        if (done.has(next)) continue
        done.add(next)
        part.push(next)
        const from = next
        todo.push(
          ...this.names.filter((other) => !done.has(other) && (this.lists(from, other) || this.lists(other, from))),
        )
      }
      parts.push(part.sort(compareNames))
    }
    return parts
  }

  private findPairs(): { readonly broken: ReadonlyArray<Pair>; readonly oneSided: ReadonlyArray<Pair> } {
    const broken: Array<Pair> = []
    const oneSided: Array<Pair> = []
    for (const part of this.parts) {
      for (const [i, a] of part.entries()) {
        for (const b of part.slice(i + 1)) {
          const there = this.links.get(a)?.get(b) === "u"
          const back = this.links.get(b)?.get(a) === "u"
          if (!there && !back) broken.push([a, b])
          else if (there !== back) oneSided.push(there ? [b, a] : [a, b])
        }
      }
    }
    return { broken, oneSided }
  }

  private findViews(): ReadonlyArray<ReadonlyArray<string>> {
    const groups = new Map<string, Array<string>>()
    for (const { name, viewHash } of this.sortedRows) {
      const group = groups.get(viewHash)
      if (group === undefined) groups.set(viewHash, [name])
      else group.push(name)
    }
    return [...groups.values()]
  }
}
