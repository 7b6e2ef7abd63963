import type { Phase, Step } from '@/api/types';

/**
 * Drawings of 16 by 10 units that tell phases and steps apart without colour. Each is a list of
 * outlines: `fill` is filled, `faint` is filled and paler, `line` is drawn.
 */
export interface Glyph {
  fill?: string;
  faint?: string;
  line?: string;
}

/** The window of a phase: today is the upright line. */
export const phaseGlyphs: Record<Phase, Glyph> = {
  upcoming: {
    line: 'M6.7 2.7h7.6a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H6.7a1 1 0 0 1-1-1V3.7a1 1 0 0 1 1-1Z',
    fill: 'M1.5 0h1.7v10H1.5Z',
  },
  open: {
    faint: 'M1 2.5h4v5H1a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1Z',
    fill: 'M8.4 2.5H15a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1H8.4ZM5.9 0h1.7v10H5.9Z',
  },
  closing: {
    faint: 'M1 2.5h8.6v5H1a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1Z',
    fill: 'M10.6 0h1.7v10h-1.7ZM13.4 2.5H16v5h-2.6Z',
  },
  always: { line: 'M3.2 1.7 1 5l2.2 3.3M12.8 1.7 15 5l-2.2 3.3M1.5 5h13' },
  until_budget: {
    fill: 'M0 2h4v6H0ZM5.5 2.7h3.4v4.6H5.5ZM10.4 3.4H13v3.2h-2.6ZM14.3 4.1H16v1.8h-1.7Z',
  },
  closed: { fill: 'M1 2.5h8.5v5H1a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1ZM12.5 0h1.7v10h-1.7Z' },
  ended: {
    line: 'M1.7 2.7h12.6a1 1 0 0 1 1 1v2.6a1 1 0 0 1-1 1H1.7a1 1 0 0 1-1-1V3.7a1 1 0 0 1 1-1ZM.5 5h15',
  },
};

const FIRST = 'M0 3h4v4H0Z';
const SECOND = 'M6 3h4v4H6Z';
const THIRD = 'M12 3h4v4h-4Z';
const SECOND_EMPTY = 'M6.6 3.6h2.8v2.8H6.6Z';
const THIRD_EMPTY = 'M12.6 3.6h2.8v2.8h-2.8Z';
const CROSS = 'm12.2 3.2 3.6 3.6m0-3.6-3.6 3.6';

/** Three stations of a consultation. */
export const stepGlyphs: Record<Step, Glyph> = {
  apply: { fill: FIRST, line: SECOND_EMPTY + THIRD_EMPTY },
  approved: { fill: FIRST + SECOND, line: THIRD_EMPTY },
  succeeded: { fill: FIRST + SECOND + THIRD },
  failed: { fill: FIRST + SECOND, line: CROSS },
  cancelled: {
    line: 'm.2 3.2 3.6 3.6m0-3.6L.2 6.8m6-3.6 3.6 3.6m0-3.6L6.2 6.8m6-3.6 3.6 3.6m0-3.6-3.6 3.6',
  },
};
