/** Rows indexed by name, so that a comparison of all pairs is O(members²). All lists of names are sorted. */
import { compareNames } from "@coterie/core/Peer"
import type { Row, Unanswered } from "../../Report.ts"

export type Pair = readonly [string, string]

/** Values of the cells: the node does not list the peer, lists it without a link, or has a link to it. */
const unlisted = 0
const listed = 1
const linked = 2

/** The members that list a peer without an answer, by their links to it. */
interface SilentPeer {
  readonly linked: Array<string>
  readonly unlinked: Array<string>
}

const noteSilent = (peers: Map<string, SilentPeer>, peer: string, by: string, isLinked: boolean): void => {
  const found = peers.get(peer) ?? { linked: [], unlinked: [] }
  peers.set(peer, found)
  const names = isLinked ? found.linked : found.unlinked
  names.push(by)
}

const brokenToSilent = (peers: ReadonlyMap<string, SilentPeer>, suspected: ReadonlySet<string>): ReadonlyArray<Pair> =>
  [...peers].flatMap(([peer, { linked, unlinked }]) =>
    linked.length === 0 || suspected.has(peer)
      ? []
      : unlinked.map((name): Pair => (compareNames(name, peer) < 0 ? [name, peer] : [peer, name])),
  )

const comparePairs = ([a, b]: Pair, [c, d]: Pair): number => compareNames(a, c) || compareNames(b, d)

export class ClusterMatrix {
  /** Names of the members that answered. */
  readonly names: ReadonlyArray<string>
  /** Groups of members that list each other, directly or through others. */
  readonly parts: ReadonlyArray<ReadonlyArray<string>>
  /** Names that answered, or that a member lists as alive or suspect. */
  readonly known: ReadonlyArray<string>
  /** Names that some member declared failed and nobody lists or has an answer of, with the shortest time since then. */
  readonly failed: ReadonlyMap<string, number>
  /** Names that some member suspects. */
  readonly suspected: ReadonlyArray<string>
  /**
   * Pairs of one part without a link on either side. If only one of the two answered, its side decides, provided that another
   * member has a link to the silent one: otherwise nobody knows whether the silent one still runs.
   */
  readonly broken: ReadonlyArray<Pair>
  /** Pairs of one part of which only the second has a link to the first. */
  readonly oneSided: ReadonlyArray<Pair>
  /** Members that are listed with another generation than that of their row, with the members that list them so. */
  readonly otherGenerations: ReadonlyMap<string, ReadonlyArray<string>>
  /** Members without an answer, of those that are known. */
  readonly silent: ReadonlyArray<Unanswered>
  /** Groups of members with the same view. */
  readonly views: ReadonlyArray<ReadonlyArray<string>>
  private readonly rows: ReadonlyMap<string, Row>
  /** Cells of the matrix: the row of a name, and the column of its peer. */
  private readonly cells: Uint8Array

  constructor(rows: ReadonlyArray<Row>, unanswered: ReadonlyArray<Unanswered>) {
    this.rows = new Map(rows.map((row) => [row.name, row]))
    this.names = [...this.rows.keys()].sort(compareNames)
    this.cells = new Uint8Array(this.names.length * this.names.length)
    const { failed, known, otherGenerations, silentPeers, suspected } = this.read()
    this.otherGenerations = otherGenerations
    this.known = [...known].sort(compareNames)
    this.suspected = [...suspected].sort(compareNames)
    this.failed = new Map([...failed].sort(([a], [b]) => compareNames(a, b)))
    this.parts = this.findParts()
    const { broken, oneSided } = this.findPairs()
    this.broken = [...broken, ...brokenToSilent(silentPeers, suspected)].sort(comparePairs)
    this.oneSided = oneSided
    const silent = new Map(unanswered.map((each) => [each.name, each]))
    this.silent = this.known.flatMap((name) =>
      this.rows.has(name) ? [] : (silent.get(name) ?? { name, reason: "noLink", message: "no node could reach it" }),
    )
    this.views = this.findViews()
  }

  /** Returns the rows in the order of the names. */
  get sortedRows(): ReadonlyArray<Row> {
    return this.names.flatMap((name) => this.rows.get(name) ?? [])
  }

  /** Fills the cells, and collects the names that are not cells. */
  private read() {
    const positions = new Map(this.names.map((name, i) => [name, i]))
    const known = new Set(this.names)
    const suspected = new Set<string>()
    const failed = new Map<string, number>()
    const silentPeers = new Map<string, SilentPeer>()
    const otherGenerations = new Map<string, Array<string>>()
    const sorted = this.sortedRows
    for (const [i, row] of sorted.entries()) {
      // A node that has stopped shows the view of its last moment.
      if (row.phase === "stopped") continue
      for (const [k, peer] of row.names.entries()) {
        const status = row.status[k]
        const j = positions.get(peer)
        if (i === j) continue
        if (status === "s") suspected.add(peer)
        if (status === "f") failed.set(peer, Math.min(failed.get(peer) ?? Infinity, row.failedMillis[k] ?? Infinity))
        if (status !== "a" && status !== "s") continue
        if (j === undefined) {
          known.add(peer)
          noteSilent(silentPeers, peer, row.name, row.link[k] === "u")
          continue
        }
        this.cells[i * this.names.length + j] = row.link[k] === "u" ? linked : listed
        if (sorted[j]?.generation === row.generations[k]) continue
        const listing = otherGenerations.get(peer)
        if (listing === undefined) otherGenerations.set(peer, [row.name])
        else listing.push(row.name)
      }
    }
    for (const name of known) failed.delete(name)
    return { known, suspected, failed, otherGenerations, silentPeers }
  }

  private cell(i: number, j: number): number {
    return this.cells[i * this.names.length + j] ?? unlisted
  }

  private findParts(): ReadonlyArray<ReadonlyArray<string>> {
    const parts: Array<ReadonlyArray<string>> = []
    const rest = new Set(this.names.keys())
    for (const start of rest) {
      const part = [start]
      rest.delete(start)
      // The part grows while the loop runs.
      for (const i of part) {
        for (const j of rest) {
          if (this.cell(i, j) === unlisted && this.cell(j, i) === unlisted) continue
          rest.delete(j)
          part.push(j)
        }
      }
      parts.push(part.sort((a, b) => a - b).map((i) => this.names[i] ?? ""))
    }
    return parts
  }

  private findPairs(): { readonly broken: ReadonlyArray<Pair>; readonly oneSided: ReadonlyArray<Pair> } {
    const broken: Array<Pair> = []
    const oneSided: Array<Pair> = []
    const partOf = new Map(this.parts.flatMap((part, index) => part.map((name) => [name, index] as const)))
    const parts = this.names.map((name) => partOf.get(name))
    for (const [i, a] of this.names.entries()) {
      for (let j = i + 1; j < this.names.length; j++) {
        const [there, back] = [this.cell(i, j) === linked, this.cell(j, i) === linked]
        const b = this.names[j]
        if ((there && back) || b === undefined || parts[i] !== parts[j]) continue
        if (there === back) broken.push([a, b])
        else oneSided.push(there ? [b, a] : [a, b])
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
