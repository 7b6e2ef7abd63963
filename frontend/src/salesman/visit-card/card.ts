import type { components } from '@/api/schema';
import type { Category, Project, Region } from '@/api/types';
import { formatDay, formatMoney } from '@/texts/format';
import type { cardTexts } from './texts';

export type CardItem = components['schemas']['ProgrammeView'];
type Texts = (typeof cardTexts)['ko'];

/** How many programmes a card has at first: one can speak of no more at a door. */
export const SHOWN_AT_FIRST = 6;

/** What a card for a new customer is made from. */
export interface Picks {
  region: Region | '';
  category: Category | '';
  target: string;
}

/** A value of an address, if it is one of the known ones. */
export function known<T extends string>(values: readonly T[], value: string): T | '' {
  return values.find((one) => one === value) ?? '';
}

/**
 * The programmes that someone in the picked region can apply for. The API also finds those of other
 * regions that share the field or the target group: at a door they are of no use.
 */
export function fitting(items: readonly CardItem[], region: Region | ''): CardItem[] {
  if (region === '' || region === '전국') return [...items];
  return items.filter((item) => item.shared.includes('region'));
}

/** The customer or target group of the card, as its heading. */
export function cardTitle(picks: Picks, customer: string | undefined, t: Texts): string {
  if (customer) return t.forCustomer(customer);
  const { region, category, target } = picks;
  if (region && region !== '전국' && target) return t.regionAndTarget(region, target);
  if (region === '전국' && !target) return t.everywhere;
  if (target) return t.forTarget(target);
  if (region) return t.inRegion(region);
  return t.forCategory(category);
}

/** Agency and money of a programme, as far as they are known. */
export function factsOf(project: Project, t: Texts): string {
  const money = project.scale ? t.atMost(formatMoney(project.scale)) : '';
  return [project.agency, money].filter(Boolean).join(' · ');
}

/** Until when, or from when, in words. */
function whenOf({ project, phase }: CardItem, t: Texts): string {
  const { startsOn, endsOn, text } = project.period;
  if (phase === 'upcoming') return startsOn ? t.opens(formatDay(startsOn)) : text;
  return endsOn ? t.until(formatDay(endsOn)) : text;
}

/** The attributions that the programmes of the card require, each once and without 「출처:」. */
export function sourcesOf(items: readonly CardItem[]): string[] {
  const lines = items.flatMap(({ project }) => project.source?.line ?? []);
  return [...new Set(lines.map((line) => line.replace(/^출처:\s*/u, '')))];
}

/** The card as a message. The lines to say are for the salesman and not in it. */
export function cardText(
  items: readonly CardItem[],
  title: string,
  today: string,
  sender: string,
  t: Texts,
): string {
  const programmes = items.map((item, index) => {
    const { project } = item;
    const lines = [
      `${index + 1}. ${project.name}`,
      [whenOf(item, t), factsOf(project, t)].filter(Boolean).join(' · '),
      project.link ?? '',
    ];
    return lines.filter(Boolean).join('\n');
  });
  const sources = sourcesOf(items);
  const foot = [sender, sources.length ? t.source(sources.join(', ')) : ''];
  const head = `${title}\n${t.sharedTitle(items.length, formatDay(today, { year: true }))}`;
  return [head, ...programmes, foot.filter(Boolean).join('\n')].filter(Boolean).join('\n\n');
}
