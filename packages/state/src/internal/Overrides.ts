/**
 * The parts of this package that implement its rules. Every map and every placement has {@link defaults}. Tests replace
 * these parts to plant bugs. Only `openMap` and the placement's `make` read this reference.
 */
import * as Context from "effect/Context"
import { Cursors, type Options as CursorsOptions } from "./replication/Cursors.ts"
import { Mirrors, type Options as MirrorsOptions } from "./replication/Mirrors.ts"
import { OwnedKeys, type Options as OwnedKeysOptions } from "./placement/OwnedKeys.ts"
import { type Bounds, OwnEntries } from "./replication/OwnEntries.ts"

export interface Overrides {
  readonly makeOwnEntries: (bounds: Bounds) => OwnEntries
  readonly makeCursors: (options: CursorsOptions) => Cursors
  readonly makeMirrors: <E>(options: MirrorsOptions<E>) => Mirrors<E>
  readonly makeOwnedKeys: (options: OwnedKeysOptions) => OwnedKeys
}

export const defaults: Overrides = {
  makeOwnEntries: (bounds) => new OwnEntries(bounds),
  makeCursors: (options) => new Cursors(options),
  makeMirrors: (options) => new Mirrors(options),
  makeOwnedKeys: (options) => new OwnedKeys(options),
}

/** The parts in use. Defaults to {@link defaults}. */
export const Overrides = Context.Reference<Overrides>("@coterie/state/internal/Overrides", {
  defaultValue: () => defaults,
})
