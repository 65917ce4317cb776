/** A rule that can't be used as it is written. */
export class RuleError extends RangeError {
  override readonly name = "RuleError";
  readonly code = "flow.rule";

  /**
   * @param at where in the rule's text, from 0
   * @param problem what is wrong there, and what to write
   */
  constructor(readonly at: number, readonly problem: string) {
    super(`Cannot compile the rule: ${problem} (at character ${at + 1})`);
  }
}

/** A rule that could not be evaluated to its end, such as one that divides by 0. */
export class RuleFailure extends Error {
  override readonly name = "RuleFailure";
  readonly code = "flow.rule_failed";
}
