import { styleText } from "node:util";
import { LiveScreen } from "./live-screen.js";
import { PlainScreen } from "./plain-screen.js";
import type { View } from "./view.js";

/** Where the demo shows what goes on. */
export interface Screen {
  /** One or more lines that stay. */
  say(text: string, style?: Style): void;
  /** The same, set off from what is around it. */
  note(text: string, style?: Style): void;
  /** One line that stays, with the time of it. */
  tell(text: string, style?: Style): void;
  /** How things stand now. */
  show(view: View): void;
  /** Nothing more will be shown; something may be said still. */
  end(): void;
}

export type Style = "good" | "bad" | "title" | "faint";

/** Text as it looks in a style; as it is, where there are no colours. */
export type Paint = (style: Style, text: string) => string;

/** The part of a stream, or terminal, that is needed here. */
export interface Output extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  /** Says no for NO_COLOR and for TERM=dumb. */
  hasColors?(): boolean;
}

const FORMATS = { good: "green", bad: "red", title: "bold", faint: "dim" } as const;

/** Redraws in place on a terminal that can, in colours where they are wanted; else writes plain lines. */
export function openScreen(out: Output): Screen {
  const paint: Paint = (style, text) =>
    out.isTTY && out.hasColors?.()
      ? styleText(FORMATS[style], text, { validateStream: false })
      : text;
  const { isTTY = false, columns = 0, rows = 0 } = out;
  const canRedraw = isTTY && process.env.TERM !== "dumb" && columns >= 80 && rows >= 16;
  return canRedraw ? new LiveScreen(out, paint) : new PlainScreen(out, paint);
}
