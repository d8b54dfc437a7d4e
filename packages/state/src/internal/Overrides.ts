/**
 * The parts that implement the rules of a map and of a presence. All of them have {@link defaults}. Tests replace these
 * parts to plant bugs. Only `openMap` and `openPresence` read this reference.
 */
import * as Context from "effect/Context"
import { PresenceTable } from "./presence/PresenceTable.ts"
import { Cursors, type Options as CursorsOptions } from "./replication/Cursors.ts"
import { Mirrors, type Options as MirrorsOptions } from "./replication/Mirrors.ts"
import { type Bounds, OwnEntries } from "./replication/OwnEntries.ts"

export interface Overrides {
  readonly makeOwnEntries: (bounds: Bounds) => OwnEntries
  readonly makeCursors: (options: CursorsOptions) => Cursors
  readonly makeMirrors: <E>(options: MirrorsOptions<E>) => Mirrors<E>
  readonly makePresenceTable: <A>(grace: number) => PresenceTable<A>
}

export const defaults: Overrides = {
  makeOwnEntries: (bounds) => new OwnEntries(bounds),
  makeCursors: (options) => new Cursors(options),
  makeMirrors: (options) => new Mirrors(options),
  makePresenceTable: (grace) => new PresenceTable(grace),
}

/** The parts in use. Defaults to {@link defaults}. */
export const Overrides = Context.Reference<Overrides>("@coterie/state/internal/Overrides", {
  defaultValue: () => defaults,
})
