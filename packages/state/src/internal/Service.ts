/**
 * The types of an owned map for the application. `OwnedMap.ts` publishes these types. They are here because the modules
 * of this folder implement them.
 */
import type * as ChangeFeed from "@coterie/core/ChangeFeed"
import type { DeadLetter } from "@coterie/core/Lane"
import type { LinkState, PeerId, PeerStatus } from "@coterie/core/Peer"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { StateError } from "../StateError.ts"
import type { OwnerState as ReplicationState } from "./replication/Mirrors.ts"

/**
 * Bounds of a map.
 *
 * @category options
 * @since 0.1.0
 */
export interface Limits {
  /**
   * Maximum number of entries of one owner: of this node, and of the copy of any other owner. An owner with more
   * entries is `refused`, so use the same value on all nodes. Defaults to 100,000.
   */
  readonly ownerEntries: number
  /** Maximum number of bytes of the encoded keys and values of one owner. Defaults to 32 MiB. */
  readonly ownerBytes: number
  /**
   * Maximum number of bytes of one encoded key and value. An entry must also fit into one message of this node: the bound
   * is at most `limits.messageBytes` of the cluster, less 66 bytes. Defaults to 64 KiB.
   */
  readonly entryBytes: number
  /**
   * Maximum number of bytes of the entries in one message, unless a single entry is larger. A larger value sends large
   * maps with fewer messages. With a smaller value, messages of other maps wait less. No message is larger than
   * `limits.messageBytes` of the cluster, at this node or at its receiver. Defaults to 16 KiB.
   */
  readonly partBytes: number
  /**
   * Maximum number of removals that this node remembers. A reader that is more removals behind gets all entries instead
   * of the changes. Defaults to 1,024.
   */
  readonly tombstones: number
  /**
   * Time between two batches of changes to one peer, in which further changes accumulate. With a larger value, changes
   * arrive later and cost fewer messages. Defaults to 10 milliseconds.
   */
  readonly delay: Duration.Input
  /**
   * Maximum number of changes that wait for one subscriber of `changes` before it gets `Lagged`. Defaults to 16,384.
   */
  readonly changeBuffer: number
  /**
   * Time for which `synced` waits for the entries of one peer that has a link and the map. After it, this node goes on
   * without them, logs a warning, and takes them when they arrive. Defaults to one minute.
   */
  readonly syncTimeout: Duration.Input
}

/**
 * Options of a map. All nodes that share the map must use compatible schemas.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options<K, V> {
  /** Schema of the keys, which encode to text. Two keys are equal if their texts are equal. */
  readonly key: Schema.Codec<K, string>
  /** Schema of the values. The serialization is that of the topics of the node. */
  readonly value: Schema.Codec<V, unknown>
  /** Bounds that differ from the defaults. */
  readonly limits?: Partial<Limits> | undefined
  /**
   * Shows the keys and values of all owners in the admin service of this node, to each bearer of a token of the role
   * `read`. The component of the kind `entries` has at most 1,000 entries, each value as JSON of at most 256 characters.
   * With `false`, the service shows sizes and states only. Defaults to `false`.
   */
  readonly showContents?: boolean | undefined
}

/**
 * An entry of one owner.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry<K, V> {
  readonly owner: PeerId
  readonly key: K
  /** Encoded key. An owner has one entry for each encoded key. */
  readonly encodedKey: string
  readonly value: V
}

/**
 * State of the entries of one owner at this node.
 *
 * - `live`: every change of the owner arrives.
 * - `stale`: the entries are those of the last moment at which they were `live`, because the link to the owner is lost
 *   or has just been restored.
 * - `syncing`: the entries have not arrived yet.
 * - `absent`: the peer does not have this map.
 * - `refused`: the owner exceeds the limits of this node, or uses another serialization. It has no entries here.
 *
 * @category models
 * @since 0.1.0
 */
export type OwnerState = ReplicationState

/**
 * An owner of entries, other than this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface Owner {
  readonly peer: PeerId
  readonly state: OwnerState
  readonly status: PeerStatus
  readonly link: LinkState
  /** Number of entries at this node. */
  readonly entries: number
}

/**
 * Reason for which an entry is gone.
 *
 * - `removed`: its owner removed it.
 * - `left`, `failed`, `replaced`, `disconnected`: its owner is no longer a member. See `RemovedStatus` of `@coterie/core`.
 * - `closed`: its owner closed the map.
 * - `refused`: its owner exceeds the limits of this node.
 * - `diverged`: the copy did not have the checksum of its owner. All entries arrive again.
 * - `undecodable`: its new value does not match the schema of this node.
 *
 * @category models
 * @since 0.1.0
 */
export type Gone =
  | "removed"
  | "left"
  | "failed"
  | "replaced"
  | "disconnected"
  | "closed"
  | "refused"
  | "diverged"
  | "undecodable"

/**
 * All entries and owners at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface View<K, V> {
  /** Entries of this node, and of each other owner. */
  readonly entries: ReadonlyArray<Entry<K, V>>
  /** Members except this node, by name. */
  readonly owners: ReadonlyMap<string, Owner>
}

/**
 * A change of a map.
 *
 * - `Set`: an entry is new or has a new value. `previous` is its old value.
 * - `Removed`: an entry is gone.
 * - `OwnerChanged`: the state of an owner changed. It is `undefined` if the owner is no longer a member.
 *
 * @category models
 * @since 0.1.0
 */
export type Change<K, V> =
  | { readonly _tag: "Set"; readonly entry: Entry<K, V>; readonly previous: Option.Option<V> }
  | { readonly _tag: "Removed"; readonly entry: Entry<K, V>; readonly why: Gone }
  | { readonly _tag: "OwnerChanged"; readonly name: string; readonly owner: Owner | undefined }

/**
 * Changes of own entries that are made in one step. Of entries with equal keys, the last one counts. A key that is both
 * set and removed is set.
 *
 * @category models
 * @since 0.1.0
 */
export interface Batch<K, V> {
  /** Entries to set. */
  readonly set?: Iterable<readonly [K, V]> | undefined
  /** Keys to remove. Keys without an own entry change nothing. */
  readonly remove?: Iterable<K> | undefined
}

/**
 * An own entry that exists until a scope closes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScopedEntry<in V> {
  /** Replaces the value. Fails with `Closed` after the scope has closed. */
  readonly set: (value: V) => Effect.Effect<void, StateError>
}

/**
 * A map that is open at this node.
 *
 * @category models
 * @since 0.1.0
 */
export interface OwnedMap<in out K, in out V> {
  readonly name: string
  /** Sets an own entry. When the effect completes, local reads return it and its change is on the way to all peers. */
  readonly set: (key: K, value: V) => Effect.Effect<void, StateError>
  /** Removes an own entry. Returns `false` if there is none. */
  readonly remove: (key: K) => Effect.Effect<boolean, StateError>
  /** Replaces the value of an own entry. Returns `false` if there is none. */
  readonly update: (key: K, change: (value: V) => V) => Effect.Effect<boolean, StateError>
  /**
   * Replaces all own entries in one step, which other nodes also see in one step. Entries with the same encoded value
   * are not sent again. Of entries with equal keys, the last one counts.
   */
  readonly setAll: (entries: Iterable<readonly [K, V]>) => Effect.Effect<void, StateError>
  /**
   * Sets and removes several own entries in one step, which other nodes also see in one step. Fails with `StateError`
   * without any change if one of the changes cannot be made: with `NotEncodable`, `EntryTooLarge`, `Full` or `Closed`.
   * Entries with the same encoded value are not sent again. The cost is O(changes).
   */
  readonly batch: (changes: Batch<K, V>) => Effect.Effect<void, StateError>
  /**
   * Sets an own entry, and removes it when the scope closes. Several scopes may hold one key. The entry then has the
   * value that was set last, and exists until the last scope closes.
   */
  readonly entry: (key: K, value: V) => Effect.Effect<ScopedEntry<V>, StateError, Scope.Scope>
  /**
   * Returns the entries of all owners for a key, this node first. Fails with `NotEncodable` if the key does not match its
   * schema.
   */
  readonly get: (key: K) => Effect.Effect<ReadonlyArray<Entry<K, V>>, StateError>
  /** Returns the own entries. */
  readonly own: Effect.Effect<ReadonlyArray<Entry<K, V>>>
  /** Returns all entries and owners. The cost is O(entries). Use `changes` to follow a map. */
  readonly view: Effect.Effect<View<K, V>>
  /** Returns the members except this node, by name. */
  readonly owners: Effect.Effect<ReadonlyMap<string, Owner>>
  /**
   * A snapshot, and then every change in order. The changes of one step of an owner follow each other. A subscriber that
   * is more than `limits.changeBuffer` changes behind gets `Lagged` and a new snapshot.
   */
  readonly changes: Stream.Stream<ChangeFeed.Item<View<K, V>, Change<K, V>>>
  /**
   * Waits until this node has settled, and every member with a link is `live`, `absent` or `refused`, or has sent no whole
   * copy for `limits.syncTimeout`.
   *
   * **Gotchas**
   *
   * A node with the option `start: "manual"` settles after its start.
   */
  readonly synced: Effect.Effect<void>
  /**
   * Messages and entries that this node could not decode, from the moment the stream runs. An entry that does not match
   * the schema hides itself and no other entry.
   */
  readonly deadLetters: Stream.Stream<DeadLetter>
}
