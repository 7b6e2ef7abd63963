import { defineTexts } from '@/texts/texts';

export const staffTexts = defineTexts(
  {
    title: '관리자',
    dashboard: '한눈에',
    projects: '지원사업',
    imports: '가져오기',
    people: '사람과 일',
    unassigned: '미배정',
    consultations: '상담',
    interests: '관심',
    salesmen: '영업대표',
    records: '기록',
    accounts: '계정',
    audit: '감사 기록',
  },
  {
    title: 'Staff',
    dashboard: 'Overview',
    projects: 'Programmes',
    imports: 'Imports',
    people: 'People and work',
    unassigned: 'Unassigned',
    consultations: 'Consultations',
    interests: 'Interests',
    salesmen: 'Salesmen',
    records: 'Records',
    accounts: 'Accounts',
    audit: 'Audit log',
  },
);
