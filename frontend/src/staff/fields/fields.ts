import { formatDay, formatMoney } from '@/texts/format';
import type { Status } from '@/api/types';
import { names } from '@/texts/names';
import { defineTexts, language } from '@/texts/texts';

/** The fields of an edition in words, as forms, differences and conflicts name them. */
export const fieldTexts = defineTexts(
  {
    name: '사업 이름',
    year: '연도',
    category: '분야',
    regions: '지역',
    target: '지원대상',
    scale: '지원 규모',
    agency: '소관기관',
    host: '수행기관',
    link: '공고 주소',
    summary: '내용',
    period: '접수 기간',
    status: '상태',
    startsOn: '접수 시작',
    endsOn: '접수 마감',
    seriesId: '사업 묶음',
    predecessor: '지난 공고',
    source: '출처',
    none: '없음',
  },
  {
    name: 'Name',
    year: 'Year',
    category: 'Category',
    regions: 'Regions',
    target: 'Target',
    scale: 'Budget',
    agency: 'Agency',
    host: 'Host',
    link: 'Address of the notice',
    summary: 'Content',
    period: 'Period',
    status: 'Status',
    startsOn: 'Opens',
    endsOn: 'Closes',
    seriesId: 'Programme',
    predecessor: 'Previous edition',
    source: 'Source',
    none: 'none',
  },
);

/** The name of a field of the API in words; an unknown one as it is. */
export function fieldName(field: string): string {
  const texts: Record<string, string> = fieldTexts[language.value];
  return texts[field] ?? field;
}

/** The value of a field of the API in words. */
export function fieldValue(field: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return fieldTexts[language.value].none;
  if (Array.isArray(value)) return value.join(', ');
  if (field === 'scale' && typeof value === 'number') return formatMoney(value);
  if (field === 'status') return names[language.value].status[value as Status];
  if (typeof value === 'object' && 'text' in value) return String(value.text);
  const isDay = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/u.test(value);
  return isDay ? formatDay(value, { year: true }) : String(value);
}
