/** Folds the changes of a presence, and records those that are not allowed after the state before them. */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import * as Presence from "@coterie/state/Presence"

type Present = Presence.Present<string>

export type Item = ChangeFeed.Item<ReadonlyMap<string, Present>, Presence.Change<string>>

const metaText = ({ peer, ref, value }: Presence.Meta<string>) => `${peer.name}#${ref}${value}`

/** Returns the metas of a key as text, such as `a#1x,b#2y leaving`. */
export const textOf = ({ leaving, metas }: Present): string =>
  `${metas.map(metaText).join()}${leaving ? " leaving" : ""}`

/** Returns the texts of all keys. */
export const textsOf = (list: ReadonlyMap<string, Present>): Readonly<Record<string, string>> =>
  Object.fromEntries([...list].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, present]) => [key, textOf(present)]))

/** Returns why a change is not allowed after the state of its key, or `undefined`. */
export const problemOf = (old: Present | undefined, change: Presence.Change<string>): string | undefined => {
  const { present } = change
  const what = `${change._tag} of "${present.key}" ${textOf(present)} after ${old === undefined ? "nothing" : textOf(old)}`
  if (change._tag === "Joined")
    return old === undefined && !present.leaving && present.metas.length > 0 ? undefined : what
  if (old === undefined) return what
  if (change._tag === "Left") return present.leaving ? undefined : what
  const metas = new Map((old.leaving ? [] : old.metas).map((meta) => [`${meta.peer.name}#${meta.ref}`, meta]))
  for (const meta of change.left) if (!metas.delete(`${meta.peer.name}#${meta.ref}`)) return what
  for (const meta of change.joined) {
    if (metas.has(`${meta.peer.name}#${meta.ref}`)) return what
    metas.set(`${meta.peer.name}#${meta.ref}`, meta)
  }
  const expected = present.leaving ? [] : present.metas.map(metaText)
  const isMoved = change.left.length + change.joined.length > 0
  return isMoved && String([...metas.values()].map(metaText).sort()) === String(expected.sort()) ? undefined : what
}

export class FoldedPresence {
  readonly state = new Map<string, Present>()
  /** Changes that are not allowed. */
  readonly wrong: Array<string> = []
  /** Tags of the items so far, and `Back` for each key that was leaving and is not any more. */
  readonly tags: Array<string> = []
  /** Keys that have left, in this order. */
  readonly left: Array<string> = []

  apply(item: Item): void {
    this.tags.push(item._tag)
    if (item._tag !== "Snapshot" && item._tag !== "Lagged") {
      const old = this.state.get(item.present.key)
      const problem = problemOf(old, item)
      if (problem !== undefined) this.wrong.push(problem)
      if (item._tag === "Left") this.left.push(item.present.key)
      if (item._tag === "Changed" && old?.leaving === true && !item.present.leaving) this.tags.push("Back")
    }
    Presence.apply(this.state, item)
  }
}
