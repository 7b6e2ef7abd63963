import type { components } from '@/api/schema';
import type { whyTexts } from './whyTexts';

export type Reason = components['schemas']['ReasonView'];
type Texts = (typeof whyTexts)['ko'];

/** More candidates than this are not drawn. */
const MOST_SLOTS = 24;

/** A place among the candidates, counted from 0. */
export interface Slot {
  index: number;
  isMine: boolean;
}

/** Why a person was chosen, in words. */
export interface Why {
  /** Sentences; numbers in bold are marked with `**`. */
  text: string;
  slots: Slot[];
  /** What the person had to do at that moment. */
  load?: string | undefined;
}

function sentence(reason: Reason, t: Texts): string {
  const { among, picked, lastFour } = reason;
  switch (reason.rule) {
    case 'kept':
      return t.kept;
    case 'brought':
      return t.brought;
    case 'by-hand':
      return t.byHand;
    case 'phone-suffix':
      return lastFour && among ? t.suffix(lastFour, among, picked) : t.suffixShort;
  }
}

/** The sum behind a match, for the person who was chosen. */
export function whyMe(reason: Reason, me: string, t: Texts): Why {
  const among = reason.among ?? 0;
  const isSum = reason.rule === 'phone-suffix';
  const slots =
    isSum && among > 1 && among <= MOST_SLOTS
      ? Array.from({ length: among }, (_, index) => ({ index, isMine: index === reason.picked }))
      : [];
  const mine = reason.candidates.find((candidate) => candidate.id === me);
  return {
    text: sentence(reason, t),
    slots,
    load: mine ? t.load(mine.open, mine.capacity) : undefined,
  };
}
