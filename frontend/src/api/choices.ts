import type { Category, Region } from './types';

/** 분야, in the order of 기업마당. */
export const CATEGORIES = [
  '금융',
  '기술',
  '인력',
  '수출',
  '내수',
  '창업',
  '경영',
  '기타',
] as const satisfies readonly Category[];

/** 전국, and the 시도 in their official order. */
export const REGIONS = [
  '전국',
  '서울',
  '부산',
  '대구',
  '인천',
  '광주',
  '대전',
  '울산',
  '세종',
  '경기',
  '강원',
  '충북',
  '충남',
  '전북',
  '전남',
  '경북',
  '경남',
  '제주',
  '전남광주',
] as const satisfies readonly Region[];
