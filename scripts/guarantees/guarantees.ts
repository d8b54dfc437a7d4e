/**
 * The guarantees of the guides, with the tests that keep them. After a change run `npx -y pnpm@12 docs:guarantees`,
 * which writes docs/guarantees.md.
 */
import type { Page } from "./page.ts"

const membership: Page = {
  file: "membership.md",
  guarantees: [
    {
      heading: "How the rules are tested",
      statement:
        "The invariants of the membership hold after every step of every node, and the views of all nodes converge.",
      tests: [
        "after any faults the cluster converges to one view without help",
        "no order of events breaks an invariant",
        "a cluster survives anything",
      ],
    },
    {
      heading: "R1 Candidates",
      statement: "Gossip alone never adds a member.",
      tests: [
        "R1: candidates",
        "... is a member from gossip alone, by ...",
        "... is a member and a candidate of the same life",
        "gossip alone adds members",
      ],
    },
    {
      heading: "R2 Joining",
      statement:
        "A peer becomes a member by a handshake, or by the answer `up` of a member that has a link to it; `Joined` and `Replaced` never show the link `down`.",
      tests: [
        "R2: a handshake makes a member",
        "R2: the answer up of a member with a link makes a member",
        "a peer joins only if this node or another member reaches it",
      ],
    },
    {
      heading: "R3 Indirect probes",
      statement:
        "A peer that another member reaches is not suspected after a lost link, in clusters of 3, 5 and 20 nodes, whether one direction or both are cut.",
      tests: [
        "R3: a lost link",
        "R3: a probe request",
        "cutting one link of ... nodes ... makes no node suspected",
        "a node that some member reaches is not suspected",
        "no node answers indirect probes",
        "every indirect probe is answered with up",
      ],
    },
    {
      heading: "R3 Indirect probes",
      statement: "Simultaneous dials of two nodes leave one link and lose no accepted message.",
      tests: [
        "... random timings of two simultaneous dials lose no accepted message, end no session, and leave one link",
        "of two connections of one pair, between whose handshakes a side takes a greater instance",
      ],
    },
    {
      heading: "R4 Suspicion",
      statement:
        "A node suspects a peer that neither it nor any asked member reaches, and reports the accusation to some members.",
      tests: ["R4: suspicion", "many accusations at once are sent to some members each, and not to all"],
    },
    {
      heading: "R5 Failure",
      statement:
        "Only a suspected peer fails, after its timer has run out, and never while this node has a live link to it.",
      tests: [
        "R5: the end of a suspicion",
        "the suspicion timer",
        "the transition table",
        "... failed, but has a link",
        "only a suspected member is called failed",
        "no peer with a live link is called failed",
        "a node that few members reach is suspected and not called failed",
        "a suspicion never times out",
      ],
    },
    {
      heading: "R6 Accusations by other members",
      statement:
        "A node that has a live link to an accused peer reports the accusation to the peer before its application sees it.",
      tests: ["R6: an accusation by others", "a node that few members reach is suspected and not called failed"],
    },
    {
      heading: "R7 Refutation",
      statement: "An accused node refutes every accusation that can be true of its life.",
      tests: [
        "R7: an accusation about this node",
        "recover by the refutation within the handshake",
        "an impossible belief about this node",
        "every accusation that a peer believes is refutable by its owner",
        "an accused node does not refute",
      ],
    },
    {
      heading: "R8 Newer lives of a name",
      statement: "The newest life of a name replaces older lives, and a node stops only for a newer life that exists.",
      tests: [
        "R8: a newer life",
        "R8: a newer life of this node's name",
        "a member that claims that a newer generation of the node exists",
        "a node whose name a newer process uses",
        "of two processes ...",
        "a node whose clock was set back before its restart is a member again",
        "an older life returns only by a handshake",
        "only Replaced changes the generation",
      ],
    },
    {
      heading: "R9 Leaving",
      statement: "A node that leaves is removed from all views without a suspicion, and its life does not return.",
      tests: [
        "R9: leaving",
        "a life that others report as left",
        "a life that this node never met and that others report as left",
        "a member that reports to each of two nodes that a later life of the other left delays their first link by half a minute at most",
        "a member that claims that the node has left",
        "a graceful close leaves no members on either side, and no node redials",
        "a rolling restart of twelve nodes under load emits no Suspected, Failed, Isolated or PartitionSuspected",
        "a life that left returns only by a handshake",
      ],
    },
    {
      heading: "R10 Failed members",
      statement:
        "The cluster dials a failed member about once in the longest pause of `Reconnect`, and the member recovers when it answers.",
      tests: [
        "R10: failed members",
        "is dialed by the whole cluster about once per reconnect interval",
        "after a long partition all links are up within ten seconds of the first connection",
      ],
    },
    {
      heading: "R11 Seeds",
      statement: "A node never stops dialing its seeds, so a partition heals after any time, such as 26 hours.",
      tests: [
        "a partition heals unaided after both sides have forgotten each other",
        "that names a service connects all peers behind it, although one of them has a link",
      ],
    },
    {
      heading: "R12 Tombstones",
      statement: "Tombstones and reported ends are bounded, and a cluster that drops them too early still converges.",
      tests: [
        "R12: tombstones",
        "R12: reported ends",
        "is relayed a bounded number of times, for any limits of the nodes, and each node is believed about itself",
        "with a memory so short that tombstones and candidates are forgotten meanwhile",
      ],
    },
    {
      heading: "Local health",
      statement: "A node that was stopped distrusts its own timing and suspects no peer because of its own delay.",
      tests: [
        "local health",
        "does not come at once on a node that stalled",
        "a node that was paused for ten seconds suspects no peer and recovers once",
      ],
    },
    {
      heading: "Dissemination",
      statement: "Each node relays a piece of news at most once, and relays no accusation that cannot shorten a timer.",
      tests: [
        "dissemination",
        "accusers beyond the number that shortens the timer are neither kept nor relayed",
        "news that change nothing are relayed",
      ],
    },
    {
      heading: "Dissemination",
      statement: "Two different bodies of one record are repaired by their owner on all nodes.",
      tests: ["another body at the known key", "is repaired on all nodes if one of them has a link to the owner ..."],
    },
    {
      heading: "Anti-entropy",
      statement: "Nodes whose views differ exchange the differences, and an exchange costs bounded traffic and memory.",
      tests: [
        "anti-entropy",
        "an answer",
        "peers that request records repeatedly and do not read get a bounded number of answers",
        "after any faults the cluster converges to one view without help",
      ],
    },
    {
      heading: "Partitions",
      statement: "A node reports isolation and suspected partitions, and both sides of a partition merge without help.",
      tests: [
        "the loss of many members at once",
        "an isolated node emits Isolated, and Reconnected when it is back",
        "a partition heals unaided after both sides have forgotten each other",
        "an isolated node does not notice that it is isolated",
      ],
    },
    {
      heading: "Watchers",
      statement:
        "An idle link stays up while the peer answers its heartbeats, and a cut one ends, after a link timeout if it is used. A node that is cut off has lost its links before others report it as failed. Two members watch each other or neither does.",
      tests: [
        "an idle link",
        "the watchers of a member",
        "prevent silence on links that nobody watches, or that one side watches, whoever uses them",
        "cutting an idle link ... is noticed..., and nobody is suspected",
        "an isolated node whose links were idle emits Isolated, and Reconnected when it is back",
        "an isolated node whose links were idle has lost all of them before another node reports it as failed",
        "a cluster with few watchers survives anything",
      ],
    },
    {
      heading: "Detection time",
      statement:
        "All other nodes report a killed process as failed within 3 seconds and a silent one within 10 seconds.",
      tests: [
        "of ... nodes a node that ... is called failed by all others within ... seconds",
        "of ... nodes with idle links a node that ... is called failed by all others within ... seconds",
      ],
      scripts: ["bench:processes"],
    },
  ],
}

const outcomes = "Failures"

const messages: Page = {
  file: "messages.md",
  guarantees: [
    {
      heading: "Addressing a peer",
      statement: "A name addresses the current life of a peer; a name and generation address one life.",
      tests: ["reaches that generation, and fails as Replaced if a newer generation uses the name"],
    },
    {
      heading: "Addressing a peer",
      statement: "A node can send to itself with the order, back-pressure and confirmation of a send to a peer.",
      tests: [
        "a node sends to its own inbox and lanes without a peer, in order and with itself as the sender",
        "a message to many reaches the readers of this node only with self, and the report includes this node",
        "a slow reader of this node delays its own sends, and a confirmed send waits for the reader",
        "a node that stops fails its own waiting sends as NodeStopped",
      ],
    },
    {
      heading: "Delivery guarantees",
      statement:
        "Messages of one sender, receiver and lane arrive in order and without duplicates, and no accepted message is lost while the link is up.",
      tests: [
        "messages of one sender keep their order while connections are lost and replaced",
        "... random timings of two simultaneous dials lose no accepted message, end no session, and leave one link",
        "after cuts, partitions, crashes, restarts and leaves every node lists every other node (seed ...)",
        "a node with a reader that pauses for 30 seconds stays alive in every view and loses nothing",
        "messages of other lanes pass between the fragments of a large message",
        "an acknowledged send succeeds when the reader takes the message",
      ],
    },
    {
      heading: outcomes,
      statement: "A confirmed send fails with `LinkLost` if the link is lost after the link accepted the message.",
      tests: [
        "waiting acknowledged sends fail when the peer crashes, and when it leaves",
        "an acknowledged send fails when its link is lost before the reader has taken the message",
      ],
    },
    {
      heading: outcomes,
      statement: "A send that waits for credit fails with `LinkLost` if the link is lost.",
      tests: ["while the link is lost fails a send that waits for credit"],
    },
    {
      heading: outcomes,
      statement: "A send to a member without a link, or to a failed peer, fails with `NotConnected`.",
      tests: ["every send to a peer without a link fails as NotConnected, and nothing is sent to a failed peer"],
    },
    {
      heading: outcomes,
      statement:
        "A connection that replaces another one in a handover loses no message, and waiting sends continue on it.",
      tests: [
        "a send that waits for credit goes over the new connection once it is up",
        "an acknowledged send that the old connection carried fails as LinkLost",
        "a publish waits for the new connection",
      ],
    },
    {
      heading: outcomes,
      statement: "A broadcast or publish skips a peer that does not read, and reports it as `SlowPeer`.",
      tests: [
        "a broadcast skips a peer that does not read, and reports it as slow",
        "a subscriber that a publish skipped has a gap within its session",
      ],
    },
    {
      heading: outcomes,
      statement: "A message on a lane goes to no peer that does not read the lane.",
      tests: ["a message on a lane reaches only the peers that read the lane"],
    },
    {
      heading: outcomes,
      statement:
        "A message goes to no peer that reads the lane with another format; the send fails with `IncompatibleFormat`.",
      tests: ["a message is not sent to a peer that reads the lane with another format, and the sender gets an error"],
    },
    {
      heading: outcomes,
      statement: "Waiting sends fail with `NotReading` if the peer stops reading.",
      tests: ["waiting sends to a reader that ends fail as NotReading, and a publish does not report it"],
    },
    {
      heading: outcomes,
      statement: "Confirmed sends that wait fail if the peer leaves.",
      tests: ["waiting acknowledged sends fail when the peer crashes, and when it leaves"],
    },
    {
      heading: outcomes,
      statement: "A new life of a peer gets no message that was sent to the old life.",
      tests: [
        "a new generation of the reader gets no messages sent to the old generation, and all later messages to the name",
      ],
    },
    {
      heading: outcomes,
      statement: "Sends fail with `NodeStopped` after this node has left.",
      tests: [
        "after leaving fails as NodeStopped, and inbox and events have ended",
        "a lane ends after its last message when the node leaves, and publishing then fails as NodeStopped",
      ],
    },
    {
      heading: outcomes,
      statement:
        "A message larger than `limits.messageBytes` fails with `TooLarge` at the sender, or ends the link at the receiver.",
      tests: [
        "more than limits.messageBytes, to one peer or to all, fails as TooLarge",
        "a message beyond the receiver's limits.messageBytes ends the link",
      ],
    },
    {
      heading: outcomes,
      statement:
        "A value that does not encode is sent to no peer, and a message that does not decode is a counted dead letter.",
      tests: [
        "a value that cannot be encoded is sent to no peer",
        "a message that cannot be decoded is a counted dead letter, and ends neither the subscription nor the link",
      ],
    },
    {
      heading: outcomes,
      statement: "An interrupted send delivers its message completely or not at all, and blocks no later send.",
      tests: [
        "an interrupted send of a large message leaves no part of it behind",
        "sends that are interrupted at any moment block no later send",
      ],
    },
    {
      heading: "`SendError` reasons",
      statement:
        "`maybeDelivered` is `false` only if the peer's reader did not take the message and cannot take it later; the simulation checks every message against it.",
      tests: [
        "is LinkLost or NotReading if a lane refused the message, and reports whether the lane had accepted it before",
        "while it waited for credit was not delivered",
        "because its session ended while a link accepted it may have been delivered",
        "before its confirmation arrived may have been delivered",
        "because its confirmation timed out may have been delivered, unless it still waited for credit",
        "is sent if the lane accepts it at the moment of the timeout",
      ],
    },
    {
      heading: "Slow subscribers",
      statement: "A stalled peer delays broadcasts and publishes once, and gets them again after it has given credit.",
      tests: [
        "delays the ... to many once, and gets later ones when it reads again",
        "block each other, and both report the waiting lane, time and bytes",
        "delays the publications on a lane once",
        "delays the broadcasts once, and gets them again after credit for a message",
        "does not wait for a peer after a send to it has timed out",
      ],
    },
    {
      heading: "Slow subscribers",
      statement:
        "A peer that connects again and again, or never completes a handshake, delays broadcasts and publishes, together with all such peers, for three times as long as a stalled peer, and after that for a tenth of the time. A peer whose link broke gets them again on its next link.",
      tests: [
        "delays ... three times and for a tenth of the time if it answers dials and does not complete their handshakes",
        "delays ... three times and for a tenth of the time if it reads nothing and connects again and again",
        "gets broadcasts again on its next link, also before it has given credit",
        "delays broadcasts three times and for a tenth of the time if it connects again before each link ends",
        "delays broadcasts three times and for a tenth of the time if other broadcasts are interrupted",
        "delays broadcasts on some links, and after that for a tenth of the time",
        "waits for links on which a peer gives no credit no longer than three timeouts, and once for each",
      ],
    },
    {
      heading: "Slow subscribers",
      statement:
        "A send that waits longer than `limits.slowPeerTimeout` is reported, also while it waits for the reader, and if it is to this node itself.",
      tests: [
        "block each other, and both report the waiting lane, time and bytes once",
        "..., and reports itself once",
      ],
    },
    {
      heading: "Handlers",
      statement: "The node logs a reader that fails, and an inbox without a reader, in a bounded number of lines.",
      tests: [
        "of the inbox, ..., is logged with its cause",
        "repeatedly is logged in a bounded number of lines, which count the rest",
        "excludes readers that end, that are interrupted, or that fail after their node has left",
        "is logged once messages have waited for limits.slowPeerTimeout",
      ],
    },
    {
      heading: "Handlers",
      statement: "The examples of readers handle failures as their comments describe.",
      tests: [
        "a failing reader of the guide stops the program that runs with it",
        "a forked reader of the guide logs a message that fails, and continues",
      ],
    },
    {
      heading: "One message at a time",
      statement: "`receive` takes one message and loses none when it is interrupted.",
      tests: [
        "receive takes one message, loses none to a timeout, and fails as NodeStopped after the last",
        "messages received one by one arrive in order and return their credit individually, also between pulls",
      ],
    },
    {
      heading: "How to reply",
      statement: "Replies that wait do not stop the reader of the example.",
      tests: ["waiting replies do not block the reader of the guide"],
    },
    {
      heading: "Lanes",
      statement: "A sender knows the readers of a lane, and messages go to these readers only.",
      tests: [
        "the readers of a lane are the peers that read it, and the node itself",
        "a lane that the peer closes and opens again is another opening, in the same session",
        "a reader is removed with its link, and returns in another session",
        "a message on a lane reaches only the peers that read the lane",
        "a message published right after a join reaches the peers that already read the lane",
        "a node does not receive its own publishes",
      ],
    },
    {
      heading: "Lanes",
      statement:
        "A slow reader of a lane blocks senders on that lane only, and the slowest of several readers sets the pace.",
      tests: [
        "is ready while there is credit for any fragment and no sender waits, and ends the wait when it closes",
        "a lane whose reader ended gets no messages, and can be read again",
        "a slow reader of a lane blocks senders on that lane, and nothing else",
        "each of several readers of one lane gets all messages, at the pace of the slowest",
        "a reader that ends does not block the other readers of its lane",
      ],
    },
    {
      heading: "Subscribe before the node starts",
      statement: "A service that opens its topics before its node starts misses no message of a peer that lists it.",
      tests: ["a service of the guide receives an order that a peer publishes as soon as it lists the service"],
    },
    {
      heading: "Open topics",
      statement:
        "An open topic yields all values that peers send after `open` has succeeded, and marks gaps on request.",
      tests: [
        "an open topic misses nothing after it was opened, and reads until its scope closes",
        "a value reaches the subscriptions of this node only with self",
        "an open topic with gaps has a Gap after the last value of a session, before the values of the next",
      ],
    },
    {
      heading: "Lossy subscribers",
      statement:
        "A `dropping` or `sliding` subscription never blocks its publishers, and counts the values that it lost.",
      tests: [
        "a ... subscription never blocks its publishers, and counts the messages it lost",
        "a dropping reader acknowledges the messages that it drops",
        "an open topic with gaps and ... has a Gap where its buffer lost values",
      ],
    },
    {
      heading: "Encodings",
      statement: "A serialization decodes every value that it encoded, and refuses other bytes without a defect.",
      tests: [
        "returns an equal value after encoding and decoding, for values of every kind",
        "writes dates, bytes, large integers and special numbers as texts",
        "writes -0 as 0, and undefined as null",
        "drops fields that the schema does not name",
        "refuses values with renamed fields or without a required field",
        "refuses other bytes without throwing",
        "can be made from a schema whose encoded side is bytes, and never throws",
      ],
    },
    {
      heading: "Encodings",
      statement:
        "All readers and publishers of a topic use one format, and values with a new optional field pass between versions.",
      tests: [
        "is JSON unless a layer provides another",
        "the serialization of the layer is used, regardless of the contexts of the publisher and the subscriber",
        "a publish with another serialization fails, until the topic has its own serialization",
        "during a rolling upgrade that adds an optional field, old and new nodes read each other's values",
        "stays compatible in both directions when a schema gets an optional field",
      ],
    },
    {
      heading: "Dead letters",
      statement: "The log has one warning a minute for the dead letters of a topic and peer.",
      tests: ["writes one warning for each lane and peer in a minute, with the reason, into the log of the node"],
    },
    {
      heading: "Acknowledged sends",
      statement: "A confirmed send succeeds when the peer's reader pulled the message.",
      tests: [
        "a message is acknowledged with its batch when the reader pulls it, before it is processed",
        "a message that timed out after its link accepted it can be read later, a message that waited for credit cannot",
        "acknowledged sends succeed for messages of any size",
        "an acknowledged send to a slow reader fails at its timeout",
      ],
    },
    {
      heading: "Sessions and gaps",
      statement:
        "`SessionStarted` and `SessionEnded` enclose the messages of a session, and a cache that uses them holds no stale value.",
      tests: [
        "SessionStarted comes before the first message of its session, and SessionEnded after the last",
        "holds no overwritten value, including values that were written while there was no link",
      ],
    },
    {
      heading: "Sessions and gaps",
      statement: "A blocked reader learns of the end of the last session of each peer.",
      tests: [
        "a reader sees all items in order, except sessions without messages that a later session of the peer covers",
        "fails a request whose session began and ended while the reader was blocked, even if many sessions followed",
      ],
    },
    {
      heading: "Sessions and the view in one stream",
      statement: "A lane that is read with its view yields changes, sessions and messages in the order of this node.",
      tests: [
        "a lane that is read with its view has changes, sessions and messages in the order of this node",
        "changes of the view arrive in order among the messages, and are missed only with Lagged",
        "begins with the view at its start, even if it lags before its first read",
      ],
    },
    {
      heading: "Tracing",
      statement: "With `tracing` a message carries the span of its sender.",
      tests: [
        "with tracing a subscriber gets the span of the publish, and no span for a send outside of spans",
        "the code blocks of the guide work as it describes",
      ],
    },
    {
      heading: "Window sizes",
      statement: "A lane carries between half a window and a window in each round trip.",
      tests: [
        "a window carries between half of its bytes and all of them in each round trip (... bytes)",
        "the lane grants credit half a window at a time, not per message",
        "empty messages are delivered and cost credit",
      ],
    },
    {
      heading: "Memory",
      statement: "A node holds at most the bytes that its limits allow, whatever its readers and peers do.",
      tests: [
        "every message arrives whole and in order within the memory limit, whatever the reader does",
        "report the size of each queue, which never exceeds its limit",
        "a peer that reconnects repeatedly does not fill an inbox without a reader",
        "peers that fill every window and begin large messages cause at most a window and a message per lane and link",
        "a peer that reconnects and never ends its old connections uses a bounded number of windows",
        "messages that wait to be written to a peer that reads nothing are bounded by limits.outboxBytes, regardless of its windows",
      ],
    },
  ],
}

const reactivity: Page = {
  file: "reactivity.md",
  guarantees: [
    {
      heading: "Live queries",
      statement: "A mutation runs the queries of its keys again at all instances, once, and no other query.",
      tests: [
        "a mutation runs the queries of its keys again at all nodes, once, and no other query",
        "a mutation that fails runs no query",
        "a mutation that is interrupted invalidates its keys, because it may have written",
        "peers hear of the keys of a batch at its end",
      ],
    },
    {
      heading: "Live queries",
      statement: "Peers learn of the keys of a transaction after its commit, and of none after a rollback.",
      tests: ["runs the reactive queries of peers after the commit, and no query after a rollback"],
    },
    {
      heading: "Keys",
      statement: "A key that peers cannot compare is a defect, and no query misses the change.",
      tests: ["a key that peers cannot compare is a defect that says what to do, and no query misses the change"],
    },
    {
      heading: "Caches",
      statement: "A cache holds no value that another instance has overwritten and invalidated.",
      tests: [
        "holds no overwritten value, including values that were written while there was no link",
        "does not keep a value that was overwritten during its lookup",
        "fails for a key that does not match its schema, and peers then forget everything",
        "forgets everything for keys that it cannot decode, with one line in the log",
        "forgets an overwritten value in the memory of all nodes, and everything after a gap",
      ],
    },
    {
      heading: "Guarantees",
      statement:
        "After any faults, every live query of every instance has run after the last mutation of its keys, also if the writer crashed.",
      tests: [
        "after any faults, the queries of all instances have read the last mutation of their keys",
        "holds no stale value after it has a link to a writer again, whatever was lost",
        "holds no stale value after a writer has failed, whatever was lost",
      ],
    },
    {
      heading: "Guarantees",
      statement: "A lost link and its return run every query again once.",
      tests: [
        "a lost link and its return run every query again once, which has then seen what was written meanwhile",
        "run the queries of a mutated key again, and every query once after a lost link has returned...",
      ],
    },
    {
      heading: "Guarantees",
      statement: "A peer that fails runs every query again once, and a peer that leaves in order runs none.",
      tests: [
        "a peer that fails runs every query again once, because its last invalidations may be lost",
        "a peer that leaves runs no query, and its last invalidations arrive",
        "invalidates everything when a peer ... that has not said that it has ended",
        "a member that takes no part and fails invalidates nothing",
      ],
    },
    {
      heading: "Cost and bounds",
      statement:
        "An instance that invalidates too much, or takes no messages, delays no peer and costs bounded memory.",
      tests: [
        "a node that invalidates a million keys a second costs its peers 20 messages a second and one run of everything",
        "a peer that handles nothing delays no other peer, and is told everything once when it goes on",
        "a peer that babbles is not read beyond a bound, and delays no other peer",
        "are the keys that were added, or all keys beyond a bound, and leave merged sets as they were",
      ],
    },
    {
      heading: "Event log servers",
      statement: "A client gets every entry of all instances from its start on, once and in order, after any faults.",
      tests: [
        "clients of event log servers get every entry once and in order, after any faults",
        "gives each reader every item from its start on, once and in order, whatever was written elsewhere and lost",
        "a client gets what another instance wrote, once and in order, with what its own instance wrote",
        "a client gets what was written while there was no link, when the link is back",
        "a client gets the last write of an instance that failed before it told its peers",
        "a device hears at once what another one wrote at another instance, over PostgreSQL",
        "nothing is read again where messages of a peer may be lost",
      ],
    },
    {
      heading: "Event log servers",
      statement: "Peers learn of a write after its commit, and of nothing after a rollback.",
      tests: [
        "tell peers of a write after the commit of the outermost transaction, and of nothing after a rollback",
        "stream encrypted batches of all instances, and those of a compaction that is rolled back",
      ],
    },
    {
      heading: "Event log servers",
      statement:
        "A message about a store costs at most one read of it in an interval, and nothing without a client of it.",
      tests: [
        "a write to a store without a client here costs no read",
        "the clients of a store cost one read together, and a busy store one read in an interval",
        "a peer that babbles costs one read of a store in an interval, and entries arrive in the meantime",
        "a slow client reads what it has lost by itself, and delays no other client",
      ],
    },
    {
      heading: "PubSub",
      statement: "A value reaches the subscriptions of all instances, and a lost session is a gap.",
      tests: [
        "a value reaches all subscriptions of all nodes, those of its own node included, in order",
        "a lost session is a gap for subscriptions that want gaps, and the others go on",
      ],
    },
    {
      heading: "Slow subscriptions",
      statement: "A slow subscription loses what its strategy says, and is told how many values.",
      tests: [
        "with sliding, a slow subscription loses the oldest values and is told how many, and nobody waits",
        "with dropping, all subscriptions of the node lose the newest values and are told how many",
        "with suspend, a subscription that stands still makes publishers wait once, and skip its node",
      ],
    },
  ],
}

const admin: Page = {
  file: "admin.md",
  guarantees: [
    {
      heading: "The cluster as every member sees it",
      statement: "A report names the pair of members that do not reach each other, from whichever node it is asked.",
      tests: [
        "names the pair that does not reach each other, and has the rows of both",
        "names the two nodes whose packets to each other are lost, at each of them, too, and exits with 1 until they have a link again",
        "names the two nodes of which one does not receive the packets of the other",
        "shows two parts if it asks a node on each side of a partition, and all nodes stay ready",
      ],
    },
    {
      heading: "The cluster as every member sees it",
      statement: "A report comes at the deadline at the latest, and has the reason of each member that did not answer.",
      tests: [
        "has the reason of each member that does not answer",
        "gets the rows of members with a link, and the reason of each that did not answer",
        "ends before the deadline if no relay can have a link",
        "names a node that stands still",
        "lists a node without the admin service, and a node of an earlier release without one, and names the node that they do not reach",
      ],
    },
    {
      heading: "The cluster as every member sees it",
      statement: "A member that answers with a false or unreadable row changes no other row.",
      tests: [
        "reports a row that cannot be read, and leaves other rows alone",
        "is refused if it is no row, is too long, or contradicts itself",
      ],
    },
    {
      heading: "Shared state",
      statement:
        "A report of shared state has sizes and states, contents only if the application shows them, and is bounded.",
      tests: [
        "a node shows the sizes of its maps, presences and values, without contents, until they close",
        "coterie state shows contents of a map only at a node whose application shows them",
        "a node shows the contents that the application allows, as JSON of a bounded length",
        "a node shows at most 1,000 rows with contents of one component, and encodes no others",
        "a node shows the members of its groups by node, and the owners of the keys that it watches",
        "a report of the state of a node is within its bounds, and says what it leaves out",
        "a report of the wanted components has all of their rows, however many the others have",
        "asks for the shared state only while it is shown, and shows the rows of a component",
        "shows a bounded part of the shared state, and says how much it leaves out",
      ],
    },
    {
      heading: "Health",
      statement:
        "Readiness does not depend on other members, and liveness fails only for a problem that a restart may fix.",
      tests: [
        "stays good when the only other node dies",
        "has at most one pod that is not ready while one pod after the other ...",
        "that a newer process of its name has replaced is bad for good, and that of the newer one is good",
        "is ...started, ...ready and ...live when ...",
        "of a second process with the name of a living one is never good",
        "of a node with a wrong secret is never good",
      ],
    },
    {
      heading: "Find the cause of a problem",
      statement:
        "The doctor finds a dead port, a wrong token, a wrong secret, a clock that is wrong, and a pair without a link, and says what to do.",
      tests: [
        "says that nothing answers at a dead port, and exits with 3",
        "says that the token is missing or wrong, and exits with 4",
        "finds a node with a wrong secret, at the node and with the secret from here",
        "finds a clock that is an hour behind",
        "names the pair without a link, and what to do",
        "finds a node that was superseded and still answers",
      ],
    },
    {
      heading: "The command",
      statement: "A stream of events that is cut continues after the last event.",
      tests: ["continues after the last event when the stream is cut, and fails when the service is gone"],
    },
    {
      heading: "The command",
      statement: "No name or text of another node can control the terminal.",
      tests: ["escapes names that could change a terminal, in every text"],
    },
    {
      heading: "Access control",
      statement: "Every request is answered or refused as the table says.",
      tests: [
        "is refused or answered by its headers, token and size",
        "with a wrong token is limited to ten in a minute, and a right token is never limited",
        "for a change is refused by a service that is read-only",
        "are refused with the reason",
      ],
    },
    {
      heading: "Bounds",
      statement: "Open event streams do not keep the server or the process from ending.",
      tests: [
        "does not keep the server from ending, and has an orderly end",
        "shows the cluster, and ends while ten event streams are open",
      ],
    },
  ],
}

const engine: Page = {
  file: "effect-cluster.md",
  guarantees: [
    {
      heading: "What it covers",
      statement:
        "With advisory locks, the entities of a killed runner answer on others before its lease has ended, whichever runner it is.",
      tests: [
        "answer for a killed runner, which its peers have marked",
        "answer for a killed runner that was the one to check the health of the others",
        "answer for one of two, when the other has lost as many as it reaches",
      ],
      scripts: ["test:runners"],
    },
    {
      heading: "What it covers",
      statement: "A process that stands still keeps its entities until its lease has ended.",
      tests: ["answer for a process that stands still, and not before its lease has ended"],
      scripts: ["test:runners"],
    },
    {
      heading: "Choose peers or the engine",
      statement: "No two runners own a shard, whatever is lost, and every entity answers after the faults.",
      tests: [
        "no two runners own a shard, and every entity answers after the faults",
        "a storage that grants a lock twice is found",
      ],
    },
    {
      heading: "Dead runners",
      statement:
        "A node marks a runner only if it reaches more than it has lost, so at most one side of a split acts at once.",
      tests: [
        "is now on at most one side of any split, and never on the smaller side",
        "of a minority marks nobody and says so once, until it is no longer a minority",
        "the majority serves everything in a partition, and the minority serves again afterwards",
      ],
    },
    {
      heading: "Dead runners",
      statement: "A runner that this node has not met keeps its flag.",
      tests: [
        "is unknown before this node has met its peer",
        "leaves the flag of its own runner and of unknown runners as it is",
      ],
    },
    {
      heading: "Dead runners",
      statement: "One responder writes, and the next one only if the first has not.",
      tests: ["of the first node in line acts, and the next one only if the first has not"],
    },
    {
      heading: "Dead runners",
      statement: "A runner whose node has stopped hands its shards over.",
      tests: ["a runner whose node has left hands its shards over"],
    },
    {
      heading: "Messages",
      statement: "A lost link fails no call forever, and a persisted request is carried out once.",
      tests: ["a lost link fails no call forever, and a persisted one is carried out once"],
    },
    {
      heading: "Messages",
      statement: "A request or a response that is too large fails its call once, with the sizes.",
      tests: [
        "calls and answers that are too large end once, with the sizes",
        "a persisted call that is too large for a link goes through the storage",
      ],
    },
  ],
}

const compatibility: Page = {
  file: "compatibility.md",
  guarantees: [
    {
      heading: "Versions of the protocol",
      statement: "A node accepts a Hello that offers its version among others, and refuses one without its version.",
      tests: [
        "of an unknown peer with the same label and a common version is acceptable",
        "of another cluster or version is refused, the label first",
      ],
    },
    {
      heading: "Versions of the protocol",
      statement: "A node ignores unknown keys and skips frames of unknown kinds from 128 to 255.",
      tests: [
        "... ignores unknown keys",
        "unknown kinds",
        "count frames of later versions as unknown, and count no malformed frame",
      ],
    },
    {
      heading: "Rolling upgrades",
      statement: "Nodes of two neighbouring minor versions form one cluster in which everything works.",
      tests: [
        "join a cluster of the present version, and exchange messages, topics, requests, departures and failures with it",
        "accept nodes of the present version, and exchange messages, topics, requests, departures and failures with them",
      ],
    },
  ],
}

const security: Page = {
  file: "security.md",
  guarantees: [
    {
      heading: "Set a secret",
      statement: "Only holders of the secret connect, whatever they offer, and in both directions.",
      tests: [
        "connects holders of the secret only, in both directions, and fails with refused only if no process listens",
        "has the same outcomes if the environment trusts more authorities and disables the checks of TLS",
        "admits ... with the secret, and nobody without it",
        "connects to ... with the secret, and to nobody without it",
      ],
    },
    {
      heading: "Set a secret",
      statement:
        "There is no TLS below 1.3, no session without the key, no early data, and an ephemeral key exchange in each handshake.",
      tests: [
        "finds no version of TLS below 1.3",
        "finds the two suites with SHA-256, and no compression and no renegotiation",
        "resumes no session without the key, and gets no early data accepted",
        "is refused if it offers nothing else, and gets an ephemeral exchange if it offers both",
        "have TLS 1.3, the two suites with SHA-256, an ephemeral exchange, and no early data",
      ],
    },
    {
      heading: "Set a secret",
      statement:
        "An attacker on the path can end a link, and can neither join, nor change, repeat or reorder messages.",
      scripts: ["test:damage"],
      tests: [
        "fails at both ends if the attacker removes or changes a part of the ...",
        "lose the link, and read no message twice or out of order, if the attacker ... on the way ...",
        "open no connection at the same node and at another, before and after a rotation",
        "convince no node that dials",
        "makes no link of a node with itself",
        "brings no link under the name of the peer, and no message to another",
        "hands out no connection for a truncated or changed handshake, and keeps no socket",
      ],
    },
    {
      heading: "Set a secret",
      statement: "No secret and no key is in the log, errors, spans, metrics, events or inspections.",
      tests: ["shows no secret and no key in its log, errors, spans, metrics, events, services and layers"],
    },
    {
      heading: "Replace a secret",
      statement:
        "The nodes replace the secret in any order, without a lost link or message, and a removed secret ends its connections.",
      scripts: ["test:rotation"],
      tests: [
        "under load, and while a node restarts with each ring, loses, repeats and reorders no message, and loses no link",
        "cuts a peer that has only the secret that was removed, and the peer reports it",
        "connects nodes whose rings have a key in common, in any order",
      ],
    },
    {
      heading: "Use certificates",
      statement:
        "Only peers with a certificate of an authority of the node and a trusted name connect, in both directions.",
      tests: [
        "connects holders of a trusted certificate only, in both directions, and fails with refused only if no process listens",
        "admits a peer under the name of its certificate only",
      ],
    },
    {
      heading: "Replace an authority",
      statement: "The nodes replace certificates and authorities without a lost link or message.",
      tests: [
        "under load replaces its authority in three steps, and loses, repeats and reorders no message, and emits no event",
        "presents a new certificate at once, and renews the connections of the one before, which go on",
      ],
    },
    {
      heading: "Revoke a certificate",
      statement: "A revoked certificate connects no more, and its links end within a bound.",
      tests: ["renews and cuts the connection of a certificate that is revoked, and lets it in no more"],
    },
    {
      heading: "Move from plain TCP to TLS",
      statement:
        "A cluster moves from plain TCP to TLS by rolling restarts, without a lost, repeated or reordered message between nodes that run.",
      tests: [
        "by three rolling restarts under load loses, repeats and reorders no message, and has no plain link before the last one",
      ],
    },
    {
      heading: "What a stranger can cost",
      statement: "An attack of strangers ends no link, and lets a member that comes back in.",
      scripts: ["test:strangers"],
      tests: ["keeps its links, and lets a member come back, from ..."],
    },
  ],
}

const state: Page = {
  file: "state.md",
  guarantees: [
    {
      heading: "Guarantees",
      statement:
        "A copy of the entries of an owner is at all times the state of the owner after one of its steps, and becomes equal to its newest state.",
      tests: [
        "copies of owned maps are states of their owners, and become equal to them",
        "shows one step of an owner as one step",
        "shows the entries that a batch sets and removes in one step, also at other nodes",
        "a mutant of owned maps is found",
      ],
    },
    {
      heading: "Guarantees",
      statement: "The entries of a node end with its membership, and with its map.",
      tests: [
        "loses the entries of a node that leaves or fails, with the reason",
        "loses the entries of a node that closes the map, and shows them again when it opens it",
        "keeps the entries of an owner whose link is lost, as stale",
        "loses what a killed process owned but not what it wrote into a shared value, and has no ghost after its restart",
      ],
    },
    {
      heading: "Bounds",
      statement:
        "What exceeds a bound is rejected whole, and an owner beyond the bounds of a reader harms no other owner.",
      tests: [
        "rejects what does not fit or does not encode, and changes nothing",
        "an entry that no message of this node can have",
        "makes no change of a batch of which one cannot be made",
        "is refused by a node with smaller limits, which keeps the other owners",
        "a reader with smaller messages lacks the entries that they cannot have, and gets all others",
        "keep at most twice the bounds of a batch that never ends",
        "answer four requests of a peer at once, and then one in 250 ms, of which the newest counts",
      ],
    },
    {
      heading: "Bounds",
      statement: "What could not be sent is sent again, so no reader is left with old entries.",
      tests: [
        "send an answer again that could not be sent, for as long as it takes",
        "a reader gets the changes after parts that could not be sent, and the owner shows that it lacks them",
      ],
    },
    {
      heading: "Bounds",
      statement: "A peer that does not read costs its owner no memory for entries that have changed.",
      tests: ["an owned map keeps no old entries for a peer that does not read, however often all entries change"],
    },
    {
      heading: "Schema changes",
      statement: "An entry that does not match the schema of a reader hides itself only.",
      tests: [
        "hides only the entries that do not match the schema of the reader",
        "gives one dead letter for an entry that does not change, however often it arrives",
      ],
    },
    {
      heading: "Costs",
      statement: "A map costs no message while nothing changes.",
      tests: ["costs no message while nothing changes"],
    },
    {
      heading: "Costs",
      statement:
        "The work of a change does not grow with the number of entries or keys, and a part of a snapshot costs what it contains.",
      tests: ["the work of a change", "the work of a snapshot"],
    },
    {
      heading: "From join to leave",
      statement:
        "The fold of the changes of a presence equals its list at every moment, with one change for each step and key.",
      tests: [
        "the fold of the changes of a presence equals its list at all moments, and the list is that of all entries",
        "has one change for each batch of an owner and key",
        "folds the end of a node with 20,000 keys in one step",
        "gives a subscriber that missed the end of a node one marker and a snapshot",
      ],
    },
    {
      heading: "Guarantees of a presence",
      statement: "After all faults, every node lists the keys that the nodes track, and no others.",
      tests: [
        "all nodes list the keys that are tracked, and no others",
        "a mutant of presences is found",
        "has no zombies after a rolling deploy, and nobody leaves who reconnects within the grace",
        "has no ghosts of a killed node, whether it starts again under its name or not",
        "lists the keys of both sides that had 500 each before they met",
        "over TCP lists the keys of a node until it is killed, and for the grace",
        "lets the keys leave and join that did so during a partition",
        "survives a rolling restart: no user leaves who connects to another process, and the value outlives all its writers",
      ],
    },
    {
      heading: "Guarantees of a presence",
      statement: "An isolated node and a node that stood still let no key leave that another node tracks.",
      tests: [
        "keeps the keys of the others while the node is isolated, as leaving",
        "lets no key leave while the node is isolated, and starts the grace when it has the metas of a peer again",
        "lets no key leave at a deadline that passed while the process stood still",
        "of a node that stands still for 30 seconds loses no key of the others",
        "loses what a process that stands still owned until it continues, and that process loses nothing of the others",
      ],
    },
    {
      heading: "Guarantees of a presence",
      statement: "A lost link costs the changes in between, and a restart the keys of the others once.",
      tests: [
        "keeps the keys of an owner whose link is cut for 10 minutes, and gets a delta after it",
        "sends the keys of the others once to a node that restarts, and nothing lasting minutes",
      ],
    },
    {
      heading: "Guarantees of groups",
      statement: "A group has the members of all nodes, and each of them until its scope closes or its node is gone.",
      tests: [
        "has the members of all nodes, ordered by their nodes and joins",
        "keeps a member until its scope closes, and shows its changes",
        "loses the members of a node that leaves or fails, and ends its views when this node leaves",
        "hides a member whose value does not match the schema, and says so once in the log",
      ],
    },
    {
      heading: "Pick a member",
      statement: "A pick returns a member that can get a message now, with its share of the picks or of the keys.",
      tests: [
        "shows the state of the link to a member, and picks it only while the link is up",
        "waits with a pick until it has the members of all nodes",
        "covers each member with its share of the chances",
        "gives each member its weight in every round",
        "moves a key to another node only if a member of that node comes",
        "gives each candidate a share in proportion to its weight",
      ],
    },
    {
      heading: "When a node owns a key",
      statement: "No key has two owners while every change of the group reaches all nodes within `settle`.",
      tests: [
        "never overlap while every change reaches all nodes within the time to settle",
        "no key runs twice",
        "are given up in the step in which another node owns them, and all others stay",
        "are not taken back at once after a short absence of this node",
      ],
    },
    {
      heading: "When a node owns a key",
      statement: "When nothing changes any more, each key has one owner, the same in the view of all nodes.",
      tests: [
        "each key has one owner after all faults, the same in the view of all nodes",
        "a mutant of placements is found",
        "are complete, and the same at all nodes, when nothing changes any more",
        "gives each key to one node, the same in the view of all, after the time to settle",
        "runs a singleton on one node, and on another after the first one stops",
      ],
    },
    {
      heading: "When a node owns a key",
      statement: "A node that is not synced, isolated or reaches too few members takes no keys.",
      tests: [
        "stay while the group is not calm, and no others are added",
        "takes no keys of others while this node is isolated, and keeps its own",
        "takes keys if one member leaves and the last one is lost in one step",
        "owns nothing while it reaches fewer members than required",
      ],
    },
    {
      heading: "Shared values",
      statement:
        "A write of a shared value that was made after seeing another one replaces it at all nodes, whatever the clocks say.",
      tests: [
        "shared values agree after faults, and outlive all nodes but one",
        "become the greatest write that a living node knows, at two or three publishers, whatever the clocks say",
        "does not depend on their order or grouping, and is one of them",
        "is after the last one, whatever the clock says, and not before the clock",
        "a mutant of shared values is found",
      ],
    },
    {
      heading: "Shared values",
      statement: "A shared value lives as long as one node that knows it.",
      tests: [
        "outlive their writer if one node has seen them, although no publisher has",
        "outlives its writer, and is known to a node that opens it later",
        "is kept by a node that has only opened another one",
        "is shared by the users of a layer, and a write right before its end is not lost",
        "survives a rolling restart: no user leaves who connects to another process, and the value outlives all its writers",
      ],
    },
    {
      heading: "Shared values",
      statement: "A write that is lost to a write that had not seen it is a conflict at the nodes that had it.",
      tests: [
        "tell a conflict to the nodes that had the lost write, and only writes that did not see each other",
        "that was written on both sides of a partition has one write after it, and one side is told",
      ],
    },
    {
      heading: "Shared values",
      statement:
        "A write that a node cannot read is passed on, and a write that is ahead of its clock is accepted and reported.",
      tests: [
        "keeps its last readable value, and passes on a write that this node cannot read",
        "written by a clock that is ahead is accepted, counted and logged",
      ],
    },
  ],
}

const requests: Page = {
  file: "requests.md",
  guarantees: [
    {
      heading: "Delivery guarantees",
      statement: "A request is carried out at most once, and its caller gets one outcome, which is true.",
      tests: [
        "requests are carried out at most once, and what becomes of them is heard once",
        "the swarm finds a client of any that repeats requests that may have been carried out",
        "fails a request whose session ended before its send completed",
      ],
    },
    {
      heading: "Delivery guarantees",
      statement: "No request waits forever for a peer that is gone.",
      tests: [
        "requests to a peer that crashes fail when its crash is detected",
        "when a link is cut both sides give up the requests in flight, and the next request is answered",
        "when a session ends for the server only, its requests in flight and lost requests fail",
      ],
    },
    {
      heading: "Delivery guarantees",
      statement: "A caller that goes away interrupts its handlers.",
      tests: [
        "an interrupted caller interrupts the handler",
        "a client that closes interrupts the handlers of its requests",
        "an interrupted caller and a closed client of any interrupt the handlers at their nodes",
      ],
    },
    {
      heading: "Delivery guarantees",
      statement: "A stream is produced as fast as its reader takes it.",
      tests: ["a stream is produced as fast as its reader takes it, and does not delay other requests"],
    },
    {
      heading: "Too many requests",
      statement: "A request beyond the limit of a server fails with `Busy` and is not carried out.",
      tests: [
        "a request beyond the limit of the server fails with Busy and is not carried out (...)",
        "requests without a waiting caller count towards the limit until their handlers end",
      ],
    },
    {
      heading: "Errors and retries",
      statement: "A response that does not fit fails its request with the sizes, once, and no other request.",
      tests: ["a response beyond messageBytes fails its request once, with both sizes (...)"],
    },
    {
      heading: "Asking any node",
      statement: "Requests are spread over the nodes that serve, and no other node gets one.",
      tests: [
        "requests to any are spread over the nodes that serve, and no other node gets one",
        "keeps the requests in flight of all peers within a few of each other, for any seed",
        "a slow node gets fewer of the requests to any",
        "the nearest nodes get the requests to any, and a farther one if they do not serve",
      ],
    },
    {
      heading: "Asking any node",
      statement: "A request is made to another node only if it was certainly not carried out.",
      tests: [
        "is made to another peer after each error that rules out that this peer carried it out",
        "is never made again after an error that leaves open whether it was carried out",
        "a request to any at a node that crashes fails, and no other node carries it out",
        "is refused by as many peers as its attempts, and fails with the last refusal",
      ],
    },
    {
      heading: "Asking any node",
      statement:
        "Nodes that see the same candidates give a key to the same node, and a node that comes or goes moves only its own keys.",
      tests: [
        "all nodes give a key to the same node, and move only the keys of a node that goes (...)",
        "moves no key between two candidates that stay",
        "owners of ...: ...",
      ],
    },
  ],
}

/** The guarantees of all guides, in the order of the page. */
export const guarantees: ReadonlyArray<Page> = [
  membership,
  messages,
  requests,
  reactivity,
  state,
  engine,
  admin,
  compatibility,
  security,
]
