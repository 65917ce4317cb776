/** What to do for the records of a template: a list of actions, made once. */

/** What an action does. Those named after sizes, such as `u16From2`, write a field that nothing has written before. */
export const Code = {
  u8From1: 0,
  u16From1: 1,
  u16From2: 2,
  u32From1: 3,
  u32From2: 4,
  u32From4: 5,
  u64From4: 6,
  u64From8: 7,
  /** Any other number, into a field that nothing has written before. */
  store: 8,
  /** A number where there is none yet. */
  first: 9,
  /** A number over whatever is there, unless it is 0. */
  last: 10,
  /** As `address`, of 4 octets. */
  ipv4: 11,
  /** An address of 4 or 16 octets over whatever is there, unless it is 0. */
  address: 12,
  /** An address where there is none yet. */
  firstAddress: 13,
  direction: 14,
  typeAndCode: 15,
  labels: 16,
  frame: 17,
  packet: 18,
  commonProperties: 19,
} as const;
export type Code = (typeof Code)[keyof typeof Code];

/** Where a field of a record is. In a template with variable lengths it is set anew for each record. */
export interface FieldPlace {
  /** Which field of the template. */
  readonly index: number;
  /** Octets from the start of the record. */
  at: number;
  length: number;
}

/** What is done with one field. */
export interface Action extends FieldPlace {
  readonly code: Code;
  /** Id of the field that is written. */
  readonly field: number;
  /** Id of the second field that is written, of type and code. */
  readonly second: number;
  /** EType that an address stands for; of a direction 1 where it is turned round; of a frame 1 where its row is clean. */
  readonly detail: number;
  /** The fields of a label stack; empty for other actions. */
  readonly parts: readonly FieldPlace[];
}

/** The times of a record. */
export interface TimePlaces {
  readonly element: number;
  readonly place: FieldPlace;
}

/** What to do for the records of a template. */
export interface Plan {
  readonly actions: readonly Action[];
  /** Every place, those of actions included. */
  readonly places: readonly FieldPlace[];
  /** Ids of the fields that the actions write. */
  readonly writes: readonly number[];
  readonly samplerId: FieldPlace | null;
  /** Elements that a rate is computed from; null if there are none. */
  readonly rate: RatePlaces | null;
  readonly start: TimePlaces | null;
  readonly end: TimePlaces | null;
  /** systemInitTimeMilliseconds. */
  readonly systemInit: FieldPlace | null;
  /** An element says what kind of ICMP message it was. */
  readonly hasIcmp: boolean;
  /** A sampled packet is among the elements. */
  readonly hasPacket: boolean;
  /** Packets in the reverse direction, where the template has it; a row only if there are some. */
  readonly reversePackets: FieldPlace | null;
}

/** Elements that a sampling rate is computed from. */
export interface RatePlaces {
  readonly interval: FieldPlace | null;
  readonly space: FieldPlace | null;
  readonly size: FieldPlace | null;
  readonly population: FieldPlace | null;
  readonly probability: FieldPlace | null;
}
