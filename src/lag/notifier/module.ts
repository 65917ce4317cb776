import type { Clock } from "../../clock/mod.ts";
import type { Named } from "../config.ts";
import type { NotifierConfig } from "./config.ts";
import { newEmailSender } from "./email.ts";
import { newHttpSender } from "./http_sender.ts";
import type { Sender } from "./sender.ts";
import { compileTemplate, type Template } from "./template.ts";
import { type Notice, templateData } from "./template_data.ts";

/** One way to tell people. */
export interface NotifierModule extends AsyncDisposable {
  readonly name: string;
  readonly config: NotifierConfig;
  /** Tells of an incident or of its end. @throws {NotificationError | TemplateError} */
  notify(notice: Notice, isClose: boolean): Promise<void>;
}

/** A module of a class. @throws {TypeError} on a proxy in the environment that is none */
export function newNotifierModule({ name, config }: Named<NotifierConfig>, clock: Clock): NotifierModule {
  const { templateOpen, templateClose, extras } = config;
  const open = compileTemplate(templateOpen.path, templateOpen.text);
  const close: Template | undefined = templateClose === undefined
    ? undefined
    : compileTemplate(templateClose.path, templateClose.text);
  const sender = newSender(config, clock);
  return {
    name,
    config,
    async notify(notice, isClose) {
      const data = templateData(notice, extras);
      await sender.send((isClose ? close ?? open : open).render(data), data, isClose);
    },
    [Symbol.asyncDispose]: () => sender[Symbol.asyncDispose](),
  };
}

function newSender(config: NotifierConfig, clock: Clock): Sender {
  switch (config.className) {
    case "http":
      return newHttpSender(config, clock);
    case "email":
      return newEmailSender(config);
    case "null":
      return { send: () => Promise.resolve(), [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}
