/**
 * The parts that implement the rules of maps, presences, placements and values. All of them have {@link defaults}. Tests
 * replace these parts to plant bugs. Only the modules that open these things read this reference.
 */
import * as Context from "effect/Context"
import { OwnedKeys, type Options as OwnedKeysOptions } from "./placement/OwnedKeys.ts"
import { PresenceTable } from "./presence/PresenceTable.ts"
import { Cursors, type Options as CursorsOptions } from "./replication/Cursors.ts"
import { Mirrors, type Options as MirrorsOptions } from "./replication/Mirrors.ts"
import { type Bounds, OwnEntries } from "./replication/OwnEntries.ts"
import { KnownValues, type Options as KnownValuesOptions } from "./values/KnownValues.ts"

export interface Overrides {
  readonly makeOwnEntries: <E>(bounds: Bounds) => OwnEntries<E>
  readonly makeCursors: (options: CursorsOptions) => Cursors
  readonly makeMirrors: <E>(options: MirrorsOptions<E>) => Mirrors<E>
  readonly makePresenceTable: <A>(grace: number) => PresenceTable<A>
  readonly makeOwnedKeys: (options: OwnedKeysOptions) => OwnedKeys
  readonly makeKnownValues: (options: KnownValuesOptions) => KnownValues
}

export const defaults: Overrides = {
  makeOwnEntries: (bounds) => new OwnEntries(bounds),
  makeCursors: (options) => new Cursors(options),
  makeMirrors: (options) => new Mirrors(options),
  makePresenceTable: (grace) => new PresenceTable(grace),
  makeOwnedKeys: (options) => new OwnedKeys(options),
  makeKnownValues: (options) => new KnownValues(options),
}

/** The parts in use. Defaults to {@link defaults}. */
export const Overrides = Context.Reference<Overrides>("@coterie/state/internal/Overrides", {
  defaultValue: () => defaults,
})
